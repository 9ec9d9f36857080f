import HeapModule

/// The merges of a byte-pair encoding, and how they turn bytes into ids.
///
/// Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units",
/// https://arxiv.org/abs/1508.07909; bytes as in GPT-2.
struct MergeTable: Sendable {
    struct Merge: Sendable, Equatable {
        var left: TokenID
        var right: TokenID
        var result: TokenID
    }

    /// In order of rank: the first is applied first.
    let merges: [Merge]
    /// The id of each byte; -1 when the vocabulary has none.
    private let byteTokens: [TokenID]
    /// Open addressing: pair of ids, and rank << 32 | result.
    private var slots: [(key: UInt64, value: UInt64)]
    private let hash = PieceHash()
    private static let none = UInt64.max
    private static let high: UInt64 = 0xFFFF_FFFF_0000_0000
    /// From this length on a heap finds the next merge.
    private static let longPiece = 96

    /// - Precondition: no pair twice.
    init(_ merges: [Merge], byteTokens: [TokenID]) {
        self.merges = merges
        self.byteTokens = byteTokens
        var capacity = 16
        while capacity < 2 * merges.count { capacity *= 2 }
        slots = .init(repeating: (Self.none, Self.none), count: capacity)
        for (rank, merge) in merges.enumerated() {
            let key = Self.key(merge.left, merge.right)
            var slot = Int(truncatingIfNeeded: hash(pair: key)) & (capacity - 1)
            while slots[slot].key != Self.none { slot = (slot + 1) & (capacity - 1) }
            slots[slot] = (key, UInt64(rank) << 32 | UInt64(merge.result))
        }
    }

    /// Whether every byte has an id.
    var hasAllBytes: Bool { byteTokens.allSatisfy { $0 >= 0 } }

    @inline(__always)
    static func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// rank << 32 | result of the merge of two ids; all ones when there is none.
    @inline(__always)
    func merge(_ left: TokenID, _ right: TokenID) -> UInt64 {
        let key = Self.key(left, right)
        return unsafe slots.withUnsafeBufferPointer { slots in
            var slot = Int(truncatingIfNeeded: hash(pair: key)) & (slots.count &- 1)
            while true {
                let (found, value) = unsafe slots[slot]
                if found == key || found == Self.none { return value }
                slot = (slot &+ 1) & (slots.count &- 1)
            }
        }
    }

    /// Appends the ids of one piece: always the merge of lowest rank, the leftmost of equals.
    func encode(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [TokenID]) {
        if piece.count < Self.longPiece {
            unsafe encodeShort(piece, into: &ids)
        } else {
            // Parts of a gibibyte keep every position within 32 bits.
            for start in stride(from: 0, to: piece.count, by: 1 << 30) {
                let end = min(piece.count, start + 1 << 30)
                unsafe encodeLong(UnsafeBufferPointer(rebasing: piece[start..<end]), into: &ids)
            }
        }
    }

    private func encodeShort(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [TokenID]) {
        unsafe withUnsafeTemporaryAllocation(of: TokenID.self, capacity: Self.longPiece) {
            symbols in
            unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.longPiece) {
                next in
                var count = 0
                for index in 0..<piece.count {
                    let token = unsafe byteTokens[Int(piece[index])]
                    if token >= 0 {
                        unsafe symbols[count] = token
                        count += 1
                    }
                }
                if count > 1 {
                    for index in 0..<count - 1 {
                        unsafe next[index] = merge(symbols[index], symbols[index + 1])
                    }
                }
                while count > 1 {
                    var best = Self.none
                    var place = 0
                    for index in 0..<count - 1 {
                        if unsafe next[index] < best {
                            best = unsafe next[index]
                            place = index
                        }
                    }
                    if best == Self.none { break }
                    unsafe symbols[place] = TokenID(truncatingIfNeeded: best & 0xFFFF_FFFF)
                    count -= 1
                    for index in place + 1..<max(count, place + 1) {
                        unsafe symbols[index] = symbols[index + 1]
                        unsafe next[index - 1] = next[index]
                    }
                    if place + 1 < count {
                        unsafe next[place] = merge(symbols[place], symbols[place + 1])
                    }
                    if place > 0 {
                        unsafe next[place - 1] = merge(symbols[place - 1], symbols[place])
                    }
                }
                for index in 0..<count { unsafe ids.append(symbols[index]) }
            }
        }
    }

    /// The same in O(n log n): a heap of rank << 32 | position; outdated entries are skipped.
    private func encodeLong(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [TokenID]) {
        var symbols: [TokenID] = []
        symbols.reserveCapacity(piece.count)
        for index in 0..<piece.count {
            let token = unsafe byteTokens[Int(piece[index])]
            if token >= 0 { symbols.append(token) }
        }
        if symbols.count >= LongPiece.shortest {
            var long = LongPiece(symbols, ranks: merges.count)
            long.encode(into: &ids) { left, right, _, _ in merge(left, right) }
            return
        }
        let count = symbols.count
        guard count > 1 else {
            ids += symbols
            return
        }
        var following = (1...Int32(count)).map { $0 }
        var preceding = (-1..<Int32(count) - 1).map { $0 }
        var candidates: [UInt64] = []
        candidates.reserveCapacity(count)
        for index in 0..<count - 1 {
            let merge = merge(symbols[index], symbols[index + 1])
            if merge != Self.none { candidates.append(merge & Self.high | UInt64(index)) }
        }
        var heap = Heap(candidates)
        while let candidate = heap.popMin() {
            let place = Int(candidate & 0xFFFF_FFFF)
            let right = Int(following[place])
            guard symbols[place] >= 0, right < count else { continue }
            let merged = merge(symbols[place], symbols[right])
            guard merged >> 32 == candidate >> 32, merged != Self.none else { continue }
            symbols[place] = TokenID(truncatingIfNeeded: merged & 0xFFFF_FFFF)
            symbols[right] = -1
            let after = Int(following[right])
            following[place] = Int32(after)
            if after < count {
                preceding[after] = Int32(place)
                let merge = merge(symbols[place], symbols[after])
                if merge != Self.none { heap.insert(merge & Self.high | UInt64(place)) }
            }
            let before = Int(preceding[place])
            if before >= 0 {
                let merge = merge(symbols[before], symbols[place])
                if merge != Self.none { heap.insert(merge & Self.high | UInt64(before)) }
            }
        }
        for symbol in symbols where symbol >= 0 { ids.append(symbol) }
    }
}
