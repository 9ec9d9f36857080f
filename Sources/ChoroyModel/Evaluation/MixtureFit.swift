#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The weight with which a mixture of two models predicts a text best.
///
///     w ← mean of w·q / ((1 − w)·p + w·q)        p, q: what the models give each token
///
/// Each step is expectation and maximization in one, and never makes the text less likely; the likelihood has one
/// maximum, since it is concave in w. Source: Jelinek & Mercer 1980; Dempster, Laird & Rubin 1977.
public struct MixtureFit: Sendable, Equatable {
    /// The share of the second model.
    public private(set) var weight = 0.5
    public private(set) var steps = 0

    private static let maximumSteps = 1000
    private static let tolerance = 1e-6

    /// Begins with equal shares and ends when a step changes the weight by less than 1e-6, after 1,000 steps at most.
    ///
    /// - Parameter scores: For each token -ln of the probability that each model gives it.
    public init(_ scores: some Collection<(first: Double, second: Double)>) {
        guard !scores.isEmpty else { return }
        while steps < Self.maximumSteps {
            let next = Self.step(weight, scores)
            let change = next - weight
            weight = next
            steps += 1
            if change.magnitude < Self.tolerance { return }
        }
    }

    /// The weight after one more step.
    package static func step(
        _ weight: Double, _ scores: some Collection<(first: Double, second: Double)>
    ) -> Double {
        guard weight > 0 && weight < 1 else { return weight }
        let odds = (1 - weight) / weight
        var sum = 0.0
        for (first, second) in scores {
            // Of a token that both think impossible nothing is learned.
            sum += first == second ? weight : 1 / (1 + odds * exp(second - first))
        }
        return min(1, sum / Double(scores.count))
    }
}
