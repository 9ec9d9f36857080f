import HeapModule

/// Byte-pair merges in a piece of some hundred bytes, in O(n log n): a heap of rank << 32 | place; entries whose
/// pair has changed are passed over.
enum HeapPiece {
    /// Appends the ids of bytes that are all tokens, fewer than 2³¹.
    static func encode(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ merging: some PieceMerging,
        into ids: inout [TokenID]
    ) {
        var symbols = (0..<count).map { unsafe merging.byteTokens[Int(base[$0])] }
        // The end of the part that begins at a place, 0 where none does; and the start of the one before.
        var ends = (0..<Int32(count)).map { $0 + 1 }
        var before = (0..<Int32(count)).map { $0 - 1 }
        func merged(_ start: Int) -> UInt64 {
            let middle = Int(ends[start])
            guard middle < count else { return .max }
            return unsafe merging.merge(
                symbols[start], symbols[middle], base + start, Int(ends[middle]) - start)
        }
        func candidate(_ start: Int) -> UInt64? {
            let merged = merged(start)
            return merged == .max ? nil : merged & 0xFFFF_FFFF_0000_0000 | UInt64(start)
        }
        var heap = Heap((0..<count).compactMap(candidate))
        while let next = heap.popMin() {
            let start = Int(next & 0xFFFF_FFFF)
            guard ends[start] > 0 else { continue }
            let merged = merged(start)
            guard merged != .max, merged >> 32 == next >> 32 else { continue }
            let middle = Int(ends[start])
            symbols[start] = TokenID(truncatingIfNeeded: merged & 0xFFFF_FFFF)
            ends[start] = ends[middle]
            ends[middle] = 0
            if Int(ends[start]) < count { before[Int(ends[start])] = Int32(start) }
            if let candidate = candidate(start) { heap.insert(candidate) }
            if before[start] >= 0, let candidate = candidate(Int(before[start])) {
                heap.insert(candidate)
            }
        }
        var start = 0
        while start < count {
            ids.append(symbols[start])
            start = Int(ends[start])
        }
    }
}
