/// A random order of `0..<count` that takes no memory: any place of it is computed alone.
///
/// Six rounds of a balanced Feistel network over the next power of four; what falls outside
/// `0..<count` is sent through again, on average less than three times more.
///
/// Sources: Luby & Rackoff 1988, "How to construct pseudorandom permutations from pseudorandom
/// functions"; Black & Rogaway 2002, "Ciphers with arbitrary finite domains", method 2
/// (cycle-walking) and method 3 (generalized Feistel).
public struct SeededPermutation: Sendable {
    public let count: Int
    private let halfBits: UInt64
    private let keys: [UInt64]
    private static let rounds: UInt64 = 6

    /// The same (count, seed) gives the same order.
    ///
    /// - Precondition: `count` is positive and below 2⁶².
    public init(_ count: Int, seed: UInt64) {
        precondition(count > 0 && count < 1 << 62, "permutation of \(count)")
        self.count = count
        let bits = UInt64(Int.bitWidth - (count - 1).leadingZeroBitCount)
        halfBits = max(1, (bits + 1) / 2)
        keys = (0..<Self.rounds).map { SeededRandom.value(seed: seed, stream: 2, index: $0) }
    }

    /// What stands at place `index`.
    public subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count, "place \(index) of \(count)")
        let mask = (1 as UInt64) << halfBits - 1
        var value = UInt64(index)
        repeat {
            var (left, right) = (value >> halfBits, value & mask)
            for key in keys { (left, right) = (right, left ^ SeededRandom.mix(key ^ right) & mask) }
            value = left << halfBits | right
        } while value >= UInt64(count)
        return Int(value)
    }
}
