/// What is taken from the counts 1, 2 and 3 or more of one order, to give to what was never seen.
///
///     Y = n1 / (n1 + 2·n2)      D_j = j − (j + 1)·Y·n_{j+1} / n_j      for j = 1, 2, 3
///
/// where n_j is the number of n-grams with adjusted count j.
/// Source: Chen & Goodman 1998, "An empirical study of smoothing techniques for language modeling",
/// equation 26.
public struct Discounts: Sendable, Equatable {
    /// For the counts 0, 1, 2 and 3 or more; the first is 0.
    public let values: [Double]
    /// Why the values are the fallback and not an estimate; nil for an estimate.
    public let reason: String?

    /// What serves where nothing can be estimated.
    public static let fallback = [0.5, 1, 1.5]

    /// The discounts from n1, n2, n3 and n4.
    public init(countsOfCounts: [Int]) {
        precondition(countsOfCounts.count == 4, "n1...n4, not \(countsOfCounts.count) numbers")
        let n = [0] + countsOfCounts.map(Double.init)
        for j in 1...3 where n[j] == 0 {
            reason = "no n-gram has the adjusted count \(j)"
            values = [0] + Self.fallback
            return
        }
        let y = n[1] / (n[1] + 2 * n[2])
        let estimate = (1...3).map { j in Double(j) - Double(j + 1) * y * n[j + 1] / n[j] }
        for j in 1...3 where estimate[j - 1] <= 0 || estimate[j - 1] > Double(j) {
            let found = (estimate[j - 1] * 1000).rounded() / 1000
            reason = "the estimate for count \(j) is \(found), not above 0 and at most \(j)"
            values = [0] + Self.fallback
            return
        }
        reason = nil
        values = [0] + estimate
    }

    /// The discount of an adjusted count.
    subscript(count: UInt32) -> Double { values[Int(min(count, 3))] }
}
