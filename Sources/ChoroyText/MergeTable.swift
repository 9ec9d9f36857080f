/// The merges of a byte-pair encoding, and how they turn bytes into ids.
///
/// Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units",
/// https://arxiv.org/abs/1508.07909; bytes as in GPT-2.
struct MergeTable: PieceMerging, Sendable {
    struct Merge: Sendable, Equatable {
        var left: TokenID
        var right: TokenID
        var result: TokenID
    }

    /// What a file may have.
    static let mostMerges = 1 << 21
    /// In order of rank: the first is applied first.
    let merges: [Merge]
    /// The id of each byte; -1 when the vocabulary has none.
    let byteTokens: [TokenID]
    let hasAllBytes: Bool
    let hasLengths: Bool
    /// Open addressing: pair of ids, and rank << 32 | result.
    private var slots: [(key: UInt64, value: UInt64)]
    private let hash = PieceHash()
    let digits = LazyDigitMerging()
    /// For each left side a bit of 64 for each right side that it may merge with: most pairs that do not merge are known
    /// by it, without the slots, which are too many for the nearest caches.
    private var mayMerge: [UInt64]
    /// The rank and 1 of each two bytes, which pieces begin with; 0 for none.
    private var bytePairs = [UInt32](repeating: 0, count: 1 << 16)

    /// - Precondition: no pair twice.
    /// - Parameter tokens: The bytes of the tokens, which long pieces are cut by; nil for merges of something else.
    init(_ merges: [Merge], byteTokens: [TokenID], tokens: TokenTable? = nil) {
        self.merges = merges
        self.byteTokens = byteTokens
        hasAllBytes = byteTokens.allSatisfy { $0 >= 0 }
        hasLengths =
            tokens.map { tokens in
                func length(_ id: TokenID) -> Int { tokens.length(of: Int(id)) }
                return byteTokens.allSatisfy { $0 < 0 || length($0) == 1 }
                    && merges.allSatisfy { length($0.result) == length($0.left) + length($0.right) }
            } ?? false
        var capacity = 16
        while capacity < 2 * merges.count { capacity *= 2 }
        slots = .init(repeating: (Self.none, Self.none), count: capacity)
        mayMerge = .init(repeating: 0, count: merges.reduce(0) { max($0, Int($1.left) + 1) })
        for (rank, merge) in merges.enumerated() {
            mayMerge[Int(merge.left)] |= 1 << Self.bit(of: merge.right)
            let key = Self.key(merge.left, merge.right)
            var slot = Int(truncatingIfNeeded: hash(pair: key)) & (capacity - 1)
            while slots[slot].key != Self.none { slot = (slot + 1) & (capacity - 1) }
            slots[slot] = (key, UInt64(rank) << 32 | UInt64(merge.result))
        }
        for (left, first) in byteTokens.enumerated() where first >= 0 {
            for (right, second) in byteTokens.enumerated() where second >= 0 {
                let merged = merge(first, second)
                if merged != Self.none { bytePairs[left << 8 | right] = UInt32(merged >> 32) + 1 }
            }
        }
    }

    @inline(__always)
    static func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func bit(of right: TokenID) -> UInt64 {
        UInt64((UInt32(bitPattern: right) &* 0x9E37_79B1) >> 26)
    }

    /// rank << 32 | result of the merge of two ids; all ones when there is none.
    @inline(__always)
    func merge(_ left: TokenID, _ right: TokenID) -> UInt64 {
        let rights = unsafe mayMerge.withUnsafeBufferPointer {
            unsafe Int(left) < $0.count ? $0[Int(left)] : 0
        }
        guard rights & 1 << Self.bit(of: right) != 0 else { return Self.none }
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

    var rankCount: Int { merges.count }

    func mergesOfDigits(_ tokens: TokenTable) -> [(rank: Int, merge: Merge)] {
        func isNumber(_ id: TokenID) -> Bool {
            tokens.bytes(of: Int(id)).allSatisfy(DigitMerging.isDigit)
        }
        return merges.enumerated().compactMap { rank, merge in
            isNumber(merge.left) && isNumber(merge.right) ? (rank, merge) : nil
        }
    }

    @inline(__always)
    func merge(
        _ left: TokenID, _ right: TokenID, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> UInt64 {
        guard count == 2 else { return merge(left, right) }
        let rank = unsafe bytePairs.withUnsafeBufferPointer {
            unsafe Int($0[Int(bytes[0]) << 8 | Int(bytes[1])]) - 1
        }
        return rank < 0 ? Self.none : UInt64(rank) << 32 | UInt64(merges[rank].result)
    }
}
