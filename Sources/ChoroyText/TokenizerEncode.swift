internal import CChoroyKernels
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
            return encodePlain(bytes, isFirst: true)
        }
        var ids: [TokenID] = []
        let parts = added.split(bytes, normalized: false, special: parsingSpecialTokens)
        for part in parts {
            switch part {
            case .token(let id, _): ids.append(id)
            case .text(let range):
                let text = normalization.map { $0.apply(bytes[range])[...] } ?? bytes[range]
                let parts = added.split(text, normalized: true, special: parsingSpecialTokens)
                for part in parts {
                    switch part {
                    case .token(let id, _): ids.append(id)
                    case .text(let range):
                        ids += encodePlain(text[range], isFirst: ids.isEmpty)
                    }
                }
            }
        }
        return ids
    }

    /// Bytes that one thread of several encodes at a time.
    private static let partSize = 1 << 17

    /// The ids of text without added tokens, those of long text by several threads.
    private func encodePlain(_ text: ArraySlice<UInt8>, isFirst: Bool) -> [TokenID] {
        if let sentencePiece {
            var ids: [TokenID] = []
            sentencePiece.encode(text, isFirst: isFirst, tokens, into: &ids)
            return ids
        }
        return encodePieces(text)
    }

    /// A byte makes one id at most; memory that is not written costs nothing.
    private func encodePieces(_ text: ArraySlice<UInt8>) -> [TokenID] {
        unsafe text.withUnsafeBufferPointer { text in
            unsafe [TokenID](unsafeUninitializedCapacity: text.count + Self.spare) {
                memory, count in
                guard let target = memory.baseAddress else { return }
                unsafe LargePages.prefer(UnsafeMutableRawBufferPointer(memory))
                guard ThreadPool.shared.threadCount > 1, text.count > 2 * Self.partSize else {
                    count = unsafe encodePieces(of: text, of: text.count, to: target)
                    return
                }
                let parts = unsafe PreTokenizer.parts(of: text, size: Self.partSize)
                let gathering = unsafe IDGathering(target, parts: parts.count)
                let longest = parts.reduce(0) { max($0, $1.count) }
                ThreadPool.shared.run(parts.count) { _ in
                    unsafe gathering.add(capacity: longest + Self.spare) { index, target in
                        let part = unsafe UnsafeBufferPointer(rebasing: text[parts[index]])
                        return unsafe encodePieces(of: part, of: text.count, to: target)
                    }
                }
                count = gathering.count
            }
        }
    }

    /// Room for ids that are written behind the last and mean nothing.
    private static let spare = 4

    /// Writes the ids of a part of a text of `size` bytes; gives their number.
    private func encodePieces(
        of part: UnsafeBufferPointer<UInt8>, of size: Int, to target: UnsafeMutablePointer<TokenID>
    ) -> Int {
        caches.lend(textSize: size) { unsafe encodePieces(of: part, to: target, &$0) }
    }

    /// Writes ids to `target`, which has room for an id a byte and three more; gives their number.
    ///
    /// Some hundred pieces at a time, so that the cache's memory is asked for before it is read.
    private func encodePieces(
        of text: UnsafeBufferPointer<UInt8>, to target: UnsafeMutablePointer<TokenID>,
        _ cache: inout PieceCache
    ) -> Int {
        guard let base = text.baseAddress else { return 0 }
        let batch = PreTokenizer.batch
        return unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: batch) { ends in
            unsafe withUnsafeTemporaryAllocation(of: ChoroyPieceKey.self, capacity: batch) { keys in
                guard let ends = ends.baseAddress, let keys = keys.baseAddress else { return 0 }
                var place = unsafe target
                var start = 0
                while start < text.count {
                    let pieces = unsafe preTokenizer.ends(
                        of: text, from: start,
                        into: UnsafeMutableBufferPointer(start: ends, count: batch))
                    unsafe cache.makeKeys(text, start, ends, pieces, keys)
                    var done = 0
                    while true {
                        unsafe done += cache.ids(
                            base, start, ends + done, keys + done, pieces - done, to: &place)
                        if done > 0 { start = unsafe ends[done - 1] }
                        guard done < pieces else { break }
                        let end = unsafe ends[done]
                        let piece = unsafe UnsafeBufferPointer(
                            start: base + start, count: end - start)
                        unsafe encode(piece, into: &cache.found)
                        for id in cache.found {
                            unsafe place.pointee = id
                            unsafe place += 1
                        }
                        let haveMoved = unsafe cache.keep(keys[done], piece)
                        start = end
                        done += 1
                        if haveMoved {
                            unsafe cache.makeKeys(
                                text, start, ends + done, pieces - done, keys + done)
                        }
                    }
                }
                return unsafe place - target
            }
        }
    }

    /// Finds the ids of one piece that is in no slot.
    @inline(never)
    private func encode(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [TokenID]) {
        guard let bytes = piece.baseAddress else { return }
        ids.removeAll(keepingCapacity: true)
        if ignoresMerges, let id = unsafe tokens.id(of: bytes, piece.count) {
            ids.append(id)
        } else if let ranks {
            unsafe ranks.encode(piece, tokens, into: &ids)
        } else {
            unsafe mergeTable.encode(piece, tokens, into: &ids)
        }
    }
}
