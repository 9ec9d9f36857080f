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

    /// Merges that a file may have.
    static let mostMerges = 1 << 21
    /// In order of rank: the first is applied first.
    let merges: [Merge]
    /// The id of each byte; -1 when the vocabulary has none.
    let byteTokens: [TokenID]
    let hasAllBytes: Bool
    let hasLengths: Bool
    /// What each makes.
    private let results: [TokenID]
    /// Open addressing: a pair of ids and its rank in one word; all ones where free.
    private var slots: [UInt64]
    private let shift: UInt64
    /// For each left side a bit of 64 for each right side that it may merge with: most pairs that do not merge are known
    /// by it, without the slots, which are too many for the nearest caches.
    private var mayMerge: [UInt64]
    private let factor = UInt64.random(in: .min ... .max) | 1
    private static let idBits: UInt64 = 20
    private static let rankBits: UInt64 = 21
    let digits = LazyDigitMerging()
    /// The rank and 1 of each two bytes, which pieces begin with; 0 for none.
    private var bytePairs = [UInt32](repeating: 0, count: 1 << 16)

    /// - Precondition: no pair twice; ids are below 2²⁰ and merges at most 2²¹, as readers and the trainer see to.
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
        results = merges.map(\.result)
        mayMerge = .init(repeating: 0, count: merges.reduce(0) { max($0, Int($1.left) + 1) })
        let bits = UInt64(max(4, Int.bitWidth - (2 * merges.count).leadingZeroBitCount))
        shift = 64 - bits
        slots = [UInt64](repeating: .max, count: 1 << Int(bits))
        for (rank, merge) in merges.enumerated() {
            precondition(
                max(merge.left, merge.right) < 1 << Self.idBits && rank < 1 << Self.rankBits,
                "merge \(rank) of \(merge.left) and \(merge.right)")
            mayMerge[Int(merge.left)] |= 1 << Self.bit(of: merge.right)
            let key = Self.shortKey(merge.left, merge.right)
            var slot = slot(of: key)
            while slots[slot] != .max { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = key << Self.rankBits | UInt64(rank)
        }
        for (left, first) in byteTokens.enumerated() where first >= 0 {
            for (right, second) in byteTokens.enumerated() where second >= 0 {
                bytePairs[left << 8 | right] = rank(first, second).map { $0 + 1 } ?? 0
            }
        }
    }

    @inline(__always)
    static func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func shortKey(_ left: TokenID, _ right: TokenID) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << idBits | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func bit(of right: TokenID) -> UInt64 {
        UInt64((UInt32(bitPattern: right) &* 0x9E37_79B1) >> 26)
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* factor) >> shift)
    }

    /// The rank of the merge of two ids.
    @inline(__always)
    func rank(_ left: TokenID, _ right: TokenID) -> UInt32? {
        let rights = unsafe mayMerge.withUnsafeBufferPointer {
            unsafe Int(left) < $0.count ? $0[Int(left)] : 0
        }
        guard rights & 1 << Self.bit(of: right) != 0 else { return nil }
        let key = Self.shortKey(left, right)
        return unsafe slots.withUnsafeBufferPointer { slots in
            var slot = slot(of: key)
            while true {
                let found = unsafe slots[slot]
                if found >> Self.rankBits == key {
                    return UInt32(truncatingIfNeeded: found & (1 << Self.rankBits - 1))
                }
                if found == .max { return nil }
                slot = (slot &+ 1) & (slots.count &- 1)
            }
        }
    }

    @inline(__always)
    func result(of rank: UInt32) -> TokenID {
        unsafe results.withUnsafeBufferPointer { unsafe $0[Int(rank)] }
    }

    /// rank << 32 | result of the merge of two ids; all ones when there is none.
    @inline(__always)
    func merge(_ left: TokenID, _ right: TokenID) -> UInt64 {
        rank(left, right).map { UInt64($0) << 32 | UInt64(result(of: $0)) } ?? Self.none
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
    func rank(
        _ left: TokenID, _ right: TokenID, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> UInt32? {
        unsafe count == 2 ? rank(ofBytes: bytes) : rank(left, right)
    }

    @inline(__always)
    func rank(ofBytes bytes: UnsafePointer<UInt8>) -> UInt32? {
        let rank = unsafe bytePairs.withUnsafeBufferPointer {
            unsafe $0[Int(bytes[0]) << 8 | Int(bytes[1])]
        }
        return rank == 0 ? nil : rank - 1
    }
}
