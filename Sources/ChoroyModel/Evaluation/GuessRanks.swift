#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How many guesses the letters of a text took, and what that says about the entropy of a letter.
///
///     Σ i·(q_i − q_{i+1})·log2 i  ≤  F  ≤  −Σ q_i·log2 q_i
///
/// where q_i is the share of letters that were right at guess i. The shares are taken in falling order, as those of one
/// who guesses the likeliest first are; then the lower bound is at least 0 and at most the upper one.
/// Source: Shannon 1951, "Prediction and Entropy of Printed English", equation 17.
public struct GuessRanks: Sendable, Equatable {
    /// For each number of guesses from 1 the letters that took so many.
    public private(set) var counts: [Int]
    public var letters: Int { counts.reduce(0, +) }

    /// - Parameter symbols: How many letters there are.
    public init(symbols: Int) { counts = [Int](repeating: 0, count: symbols) }

    /// - Precondition: `guesses` is from 1 to the number of symbols.
    public mutating func add(guesses: Int) { counts[guesses - 1] += 1 }

    /// Share of letters that were right at the first guess.
    public var firstShare: Double { Double(counts[0]) / Double(max(1, letters)) }

    /// Bounds of the entropy of a letter in bits; nil before the first letter.
    public var bounds: (lower: Double, upper: Double)? {
        guard letters > 0 else { return nil }
        let shares = counts.sorted(by: >).map { Double($0) / Double(letters) }
        var (lower, upper) = (0.0, 0.0)
        for (index, share) in shares.enumerated() where share > 0 {
            let next = index + 1 < shares.count ? shares[index + 1] : 0
            lower += Double(index + 1) * (share - next) * log2(Double(index + 1))
            upper -= share * log2(share)
        }
        return (lower, upper)
    }
}
