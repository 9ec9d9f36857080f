import HeapModule

/// Byte-pair encoding where the id of a token is its rank: always the two neighbours whose bytes
/// together are the token of lowest id, the leftmost of equals, as tiktoken merges.
struct RankMerging: Sendable {
    private static let none = UInt32.max
    /// The ranks of all pairs of bytes, which pieces begin with.
    private let bytePairs: [UInt32]

    /// - Precondition: the tokens are listed.
    init(_ tokens: TokenTable) {
        var bytePairs = [UInt32](repeating: Self.none, count: 1 << 16)
        for id in 0..<tokens.count where tokens.length(of: id) == 2 {
            let bytes = Array(tokens.bytes(of: id))
            if tokens.id(of: bytes) == TokenID(id) {
                bytePairs[Int(bytes[0]) << 8 | Int(bytes[1])] = UInt32(id)
            }
        }
        self.bytePairs = bytePairs
    }

    /// From this length on a heap finds the next merge.
    private static let longPiece = 96

    /// Appends the ids of one piece; a byte that is no token gives none.
    func encode(
        _ piece: UnsafeBufferPointer<UInt8>, _ tokens: TokenTable, into ids: inout [TokenID]
    ) {
        guard let base = piece.baseAddress, piece.count > 0 else { return }
        if piece.count < Self.longPiece {
            unsafe encodeShort(base, piece.count, tokens, into: &ids)
        } else {
            unsafe encodeLong(base, piece.count, tokens, into: &ids)
        }
    }

    private func encodeShort(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ tokens: TokenTable, into ids: inout [TokenID]
    ) {
        unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: Self.longPiece + 1) { starts in
            unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.longPiece) {
                ranks in
                // Parts lie between neighbours of `starts`; `ranks` is of a part and the next one.
                var parts = count
                for index in 0...count { unsafe starts[index] = index }
                func rank(_ part: Int) -> UInt32 {
                    guard part + 2 <= parts else { return Self.none }
                    let (start, end) = unsafe (starts[part], starts[part + 2])
                    return unsafe tokens.id(of: base + start, end - start).map(UInt32.init)
                        ?? Self.none
                }
                for part in 0..<parts - 1 {
                    unsafe ranks[part] = bytePairs[Int(base[part]) << 8 | Int(base[part + 1])]
                }
                if parts > 0 { unsafe ranks[parts - 1] = Self.none }
                while true {
                    var best = Self.none
                    var place = 0
                    for part in 0..<parts where unsafe ranks[part] < best {
                        best = unsafe ranks[part]
                        place = part
                    }
                    if best == Self.none { break }
                    for part in place + 1..<parts {
                        unsafe starts[part] = starts[part + 1]
                        if part + 1 < parts { unsafe ranks[part] = ranks[part + 1] }
                    }
                    parts -= 1
                    unsafe ranks[place] = rank(place)
                    if place > 0 { unsafe ranks[place - 1] = rank(place - 1) }
                }
                for part in 0..<parts {
                    let (start, end) = unsafe (starts[part], starts[part + 1])
                    if let id = unsafe tokens.id(of: base + start, end - start) { ids.append(id) }
                }
            }
        }
    }

    /// The same in O(n log n): a heap of rank << 32 | place; entries whose pair has changed are skipped.
    private func encodeLong(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ tokens: TokenTable, into ids: inout [TokenID]
    ) {
        // Parts of a gibibyte keep every position within 32 bits.
        guard count <= 1 << 30 else {
            for start in stride(from: 0, to: count, by: 1 << 30) {
                unsafe encodeLong(base + start, min(1 << 30, count - start), tokens, into: &ids)
            }
            return
        }
        let symbols = (0..<count).compactMap { unsafe tokens.id(of: base + $0, 1) }
        if count >= LongPiece.shortest, symbols.count == count {
            var long = LongPiece(symbols, ranks: tokens.count)
            long.encode(into: &ids) { _, _, start, end in
                guard let id = unsafe tokens.id(of: base + start, end - start) else {
                    return LongPiece.none
                }
                return UInt64(id) << 32 | UInt64(id)
            }
            return
        }
        // The end of the part that begins at a place, 0 where none does; and the start of the one before.
        var ends = (1...Int32(count)).map { $0 }
        var before = (-1..<Int32(count) - 1).map { $0 }
        func rank(_ start: Int) -> UInt32 {
            let middle = Int(ends[start])
            guard middle < count else { return Self.none }
            let length = Int(ends[middle]) - start
            return unsafe tokens.id(of: base + start, length).map(UInt32.init) ?? Self.none
        }
        func candidate(_ start: Int) -> UInt64? {
            let rank = rank(start)
            return rank == Self.none ? nil : UInt64(rank) << 32 | UInt64(start)
        }
        var heap = Heap((0..<count).compactMap(candidate))
        while let next = heap.popMin() {
            let start = Int(next & 0xFFFF_FFFF)
            guard ends[start] > 0, rank(start) == UInt32(next >> 32) else { continue }
            let middle = Int(ends[start])
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
            let end = Int(ends[start])
            if let id = unsafe tokens.id(of: base + start, end - start) { ids.append(id) }
            start = end
        }
    }

    /// The merges that say the same: for each token every way to make it of two, in the order of ids.
    static func merges(of tokens: TokenTable) -> [MergeTable.Merge] {
        var merges: [MergeTable.Merge] = []
        for id in 0..<tokens.count where tokens.length(of: id) > 1 {
            let bytes = Array(tokens.bytes(of: id))
            guard tokens.id(of: bytes) == TokenID(id) else { continue }
            for middle in 1..<bytes.count {
                if let left = tokens.id(of: bytes[..<middle]),
                    let right = tokens.id(of: bytes[middle...])
                {
                    merges.append(.init(left: left, right: right, result: TokenID(id)))
                }
            }
        }
        return merges
    }
}
