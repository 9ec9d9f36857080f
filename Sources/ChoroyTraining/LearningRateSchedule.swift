#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The learning rate of each step: a linear warm-up to the peak, then one of three shapes.
///
/// Sources: cosine: Loshchilov & Hutter 2017, eq. 5, https://arxiv.org/abs/1608.03983; stable, then
/// falling in a line: Hu et al. 2024, section 4, https://arxiv.org/abs/2404.06395, and Hägele et al.
/// 2024, https://arxiv.org/abs/2405.18392
public struct LearningRateSchedule: Sendable, Equatable {
    public enum Shape: String, Sendable, CaseIterable {
        /// The peak to the end.
        case constant
        /// Half a wave down to `finalShare`.
        case cosine
        /// The peak, and over the last `decayShare` of the steps a line down to `finalShare`. Until
        /// then no rate depends on the end, so the end may be moved.
        case wsd
    }

    public var peak: Double
    public var warmupSteps: Int
    public var steps: Int
    public var shape: Shape
    /// Rate at the end as a share of the peak.
    public var finalShare: Double
    /// Share of the steps in which a `wsd` falls.
    public var decayShare: Double

    public init(
        peak: Double, warmupSteps: Int, steps: Int, shape: Shape = .cosine,
        finalShare: Double = 0.1, decayShare: Double = 0.5
    ) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.steps = steps
        self.shape = shape
        self.finalShare = finalShare
        self.decayShare = decayShare
    }

    /// The rate of step `step`, counted from 0.
    public func rate(at step: Int) -> Double {
        if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
        switch shape {
        case .constant: return peak
        case .cosine:
            let progress = progress(step, from: Double(warmupSteps))
            return peak * (finalShare + (1 - finalShare) * 0.5 * (1 + cos(Double.pi * progress)))
        case .wsd:
            return peak * (1 - (1 - finalShare) * progress(step, from: firstOfDecay))
        }
    }

    /// The step from which a `wsd` falls.
    public var firstOfDecay: Double {
        max(Double(warmupSteps), Double(steps) * (1 - decayShare))
    }

    /// 0 at `start` and before, 1 at the end and after.
    private func progress(_ step: Int, from start: Double) -> Double {
        min(1, max(0, (Double(step) - start) / max(1, Double(steps) - start)))
    }
}
