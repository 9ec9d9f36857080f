import ChoroySystem
import Synchronization

extension Tokenizer {
    public func encode(_ bytes: [UInt8]) -> [TokenID] {
        encode(bytes, parsingSpecialTokens: false)
    }

    /// The ids of `bytes`; with `parsingSpecialTokens` what is spelled like a special token becomes
    /// that token, so this is for text that a program wrote, not a person.
    ///
    /// Added tokens that are not special are part of the vocabulary and always found.
    public func encode(_ bytes: [UInt8], parsingSpecialTokens: Bool) -> [TokenID] {
        var ids: [TokenID] = []
        let parts = added.split(bytes[...], normalized: false, special: parsingSpecialTokens)
        for part in parts {
            switch part {
            case .token(let id): ids.append(id)
            case .text(let range):
                let text = normalization.map { $0.apply(bytes[range])[...] } ?? bytes[range]
                let parts = added.split(text, normalized: true, special: parsingSpecialTokens)
                for part in parts {
                    switch part {
                    case .token(let id): ids.append(id)
                    case .text(let range): encodePlain(text[range], into: &ids)
                    }
                }
            }
        }
        return ids
    }

    /// Bytes that one thread encodes at a time.
    private static let partSize = 1 << 18

    private func encodePlain(_ text: ArraySlice<UInt8>, into ids: inout [TokenID]) {
        unsafe text.withUnsafeBufferPointer { text in
            let parts = unsafe PreTokenizer.parts(of: text, size: Self.partSize)
            if parts.count == 1 {
                unsafe encodePieces(of: text, into: &ids)
                return
            }
            let results = Mutex([[TokenID]](repeating: [], count: parts.count))
            ThreadPool.shared.run(parts.count) { index in
                var found: [TokenID] = []
                unsafe encodePieces(
                    of: UnsafeBufferPointer(rebasing: text[parts[index]]), into: &found)
                results.withLock { $0[index] = found }
            }
            for part in results.withLock({ $0 }) { ids += part }
        }
    }

    private func encodePieces(of text: UnsafeBufferPointer<UInt8>, into ids: inout [TokenID]) {
        ids.reserveCapacity(ids.count + text.count / 4)
        guard let base = text.baseAddress else { return }
        unsafe preTokenizer.scan(text) { start, end in
            if let id = unsafe tokens.id(of: base + start, end - start) {
                ids.append(id)
            } else {
                unsafe mergeTable.encode(
                    UnsafeBufferPointer(start: base + start, count: end - start), into: &ids)
            }
        }
    }
}
