/// A small seeded generator (SplitMix64) whose whole state is one number, so that it can be saved.
///
/// Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
public struct SeededRandom: RandomNumberGenerator, Sendable, Codable, Equatable {
    public var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// A uniform number in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A uniform integer in `0..<bound`; `bound` must be positive.
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "below: \(bound) is not positive")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// The number that a counter stands for: the same (seed, stream, index) gives the same bits in
    /// any order, on any thread. Dropout and shuffles draw from here.
    public static func value(seed: UInt64, stream: UInt64, index: UInt64) -> UInt64 {
        mix(key(seed: seed, stream: stream) &+ 0x9E37_79B9_7F4A_7C15 &* index)
    }

    /// What `value` mixes with each index of a stream, for kernels that draw many.
    public static func key(seed: UInt64, stream: UInt64) -> UInt64 {
        mix(seed &+ 0x9E37_79B9_7F4A_7C15 &* (stream &+ 1))
    }

    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
