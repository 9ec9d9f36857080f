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
        encode(bytes[...], parsingSpecialTokens: parsingSpecialTokens)
    }

    func encode(_ bytes: ArraySlice<UInt8>, parsingSpecialTokens: Bool) -> [TokenID] {
        if normalization == nil, !added.isSought(special: parsingSpecialTokens) {
            return encodePlain(bytes)
        }
        var ids: [TokenID] = []
        let parts = added.split(bytes, normalized: false, special: parsingSpecialTokens)
        for part in parts {
            switch part {
            case .token(let id): ids.append(id)
            case .text(let range):
                let text = normalization.map { $0.apply(bytes[range])[...] } ?? bytes[range]
                let parts = added.split(text, normalized: true, special: parsingSpecialTokens)
                for part in parts {
                    switch part {
                    case .token(let id): ids.append(id)
                    case .text(let range): ids += encodePlain(text[range])
                    }
                }
            }
        }
        return ids
    }

    /// Bytes that one thread encodes at a time.
    private static let partSize = 1 << 18

    /// The ids of text without added tokens, those of long text by several threads.
    private func encodePlain(_ text: ArraySlice<UInt8>) -> [TokenID] {
        unsafe text.withUnsafeBufferPointer { text in
            guard ThreadPool.shared.threadCount > 1, text.count > 2 * Self.partSize else {
                return unsafe encodePart(text)
            }
            let parts = unsafe PreTokenizer.parts(of: text, size: Self.partSize)
            let results = Mutex([[TokenID]](repeating: [], count: parts.count))
            ThreadPool.shared.run(parts.count) { index in
                let found = unsafe encodePart(UnsafeBufferPointer(rebasing: text[parts[index]]))
                results.withLock { $0[index] = found }
            }
            return Self.joined(results.withLock { $0 })
        }
    }

    private static func joined(_ parts: [[TokenID]]) -> [TokenID] {
        var starts = [0]
        for part in parts { starts.append(starts[starts.count - 1] + part.count) }
        let count = starts[parts.count]
        return unsafe [TokenID](unsafeUninitializedCapacity: count) { target, filled in
            guard let target = target.baseAddress else { return }
            ThreadPool.shared.run(parts.count) { index in
                unsafe parts[index].withUnsafeBufferPointer { part in
                    guard let source = part.baseAddress else { return }
                    unsafe (target + starts[index]).initialize(from: source, count: part.count)
                }
            }
            filled = count
        }
    }

    /// The ids of text without added tokens. A byte makes one id at most; memory that is not written
    /// costs nothing.
    private func encodePart(_ text: UnsafeBufferPointer<UInt8>) -> [TokenID] {
        unsafe [TokenID](unsafeUninitializedCapacity: text.count + 4) { target, count in
            guard let target = target.baseAddress else { return }
            count = caches.lend { unsafe encodePieces(of: text, to: target, $0) }
        }
    }

    /// Writes ids to `target`, which has room for an id a byte and three more; gives their number.
    private func encodePieces(
        of text: UnsafeBufferPointer<UInt8>, to target: UnsafeMutablePointer<TokenID>,
        _ cache: PieceCache
    ) -> Int {
        guard let base = text.baseAddress else { return 0 }
        let whole = text.count - 16
        var count = 0
        unsafe preTokenizer.scan(text) { start, end in
            let length = end &- start
            if length <= PieceKey.longest, start <= whole {
                let key = unsafe PieceKey(base + start, length)
                let known = unsafe cache.ids(of: key, to: target + count)
                if known > 0 {
                    count &+= known
                    return
                }
            }
            count &+= unsafe encode(
                UnsafeBufferPointer(start: base + start, count: length), to: target + count, cache)
        }
        return count
    }

    /// The same for one piece that is not in the cache.
    @inline(never)
    private func encode(
        _ piece: UnsafeBufferPointer<UInt8>, to target: UnsafeMutablePointer<TokenID>,
        _ cache: PieceCache
    ) -> Int {
        guard let bytes = piece.baseAddress else { return 0 }
        cache.found.removeAll(keepingCapacity: true)
        if ignoresMerges, let id = unsafe tokens.id(of: bytes, piece.count) {
            cache.found.append(id)
        } else {
            unsafe mergeTable.encode(piece, into: &cache.found)
        }
        if piece.count <= PieceKey.longest {
            unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { copy in
                guard let copy = copy.baseAddress else { return }
                unsafe copy.update(from: bytes, count: piece.count)
                unsafe (copy + piece.count).update(repeating: 0, count: 16 - piece.count)
                unsafe cache.insert(cache.found, of: PieceKey(copy, piece.count))
            }
        }
        for (index, id) in cache.found.enumerated() { unsafe target[index] = id }
        return cache.found.count
    }
}
