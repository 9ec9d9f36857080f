#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The learning rate of each step: a linear warm-up, then a cosine down to a share of the peak.
///
/// Source: Loshchilov & Hutter 2017, eq. 5, https://arxiv.org/abs/1608.03983
public struct LearningRateSchedule: Sendable, Equatable {
    public var peak: Double
    public var warmupSteps: Int
    public var steps: Int
    /// Rate at the end as a share of the peak.
    public var finalShare: Double

    public init(peak: Double, warmupSteps: Int, steps: Int, finalShare: Double = 0.1) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.steps = steps
        self.finalShare = finalShare
    }

    /// The rate of step `step`, counted from 0.
    public func rate(at step: Int) -> Double {
        if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
        let decaying = max(1, steps - warmupSteps)
        let progress = min(1, Double(step - warmupSteps) / Double(decaying))
        return peak * (finalShare + (1 - finalShare) * 0.5 * (1 + cos(Double.pi * progress)))
    }
}
