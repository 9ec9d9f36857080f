internal import ChoroyText

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Notices a run that does not learn, or no longer does, most often since its learning rate is too
/// high: normed layers and a clipped gradient keep all values finite then.
///
/// A spike is over after some steps (`LossWatch`); this looks at a running mean of about twenty.
public struct Divergence: Sendable {
    /// What is wrong, with the mean losses that show it, in nats.
    public enum Finding: Sendable, Equatable {
        /// A hundred steps after the warm-up the loss is what `countedLoss` is, or more.
        case learnsNothing(loss: Double, countedLoss: Double)
        /// The loss has been far above its best for a hundred steps.
        case left(loss: Double, best: Double, bestStep: Int)
    }

    private let warmupSteps: Int
    private let countedLoss: Double?
    private var mean: Double?
    private var best: (loss: Double, step: Int)?
    private var count = 0
    /// Steps in a row far above the best.
    private var stepsAbove = 0
    private var toldNothing = false
    private var toldLeft = false

    /// `countedLoss` is the loss of foretelling each token by how often it comes in the text; nil when
    /// that is no measure of learning.
    public init(warmupSteps: Int, countedLoss: Double?) {
        self.warmupSteps = warmupSteps
        self.countedLoss = countedLoss
    }

    /// What step `step` with a finite `loss` brings to light; each finding comes once, the second one
    /// again after a new best.
    public mutating func finding(step: Int, loss: Double) -> Finding? {
        let mean = self.mean.map { 0.95 * $0 + 0.05 * loss } ?? loss
        self.mean = mean
        count += 1
        // Before, the mean is that of too few.
        guard count >= 20 else { return nil }
        if best.map({ mean < $0.loss }) ?? true {
            best = (mean, step)
            toldLeft = false
        }
        if let best { stepsAbove = mean > 1.2 * best.loss + 0.3 ? stepsAbove + 1 : 0 }
        if let countedLoss, !toldNothing, count >= 100, step == warmupSteps + 100 {
            toldNothing = true
            if mean > 0.98 * countedLoss {
                return .learnsNothing(loss: mean, countedLoss: countedLoss)
            }
        }
        guard let best, stepsAbove >= 100, !toldLeft else { return nil }
        toldLeft = true
        return .left(loss: mean, best: best.loss, bestStep: best.step)
    }
}

extension TrainingTokens {
    /// Nats of a token when it is foretold by how often it comes: the entropy of the counts in a
    /// million tokens from all over the text. What no learner of these tokens should be above.
    public var countedLoss: Double {
        let (pieces, length) = (64, 1 << 14)
        var tokens: [TokenID] = []
        if count <= pieces * length {
            append(0..<count, to: &tokens)
        } else {
            for piece in 0..<pieces {
                let start = (count - length) / (pieces - 1) * piece
                append(start..<start + length, to: &tokens)
            }
        }
        var counts: [TokenID: Int] = [:]
        for token in tokens { counts[token, default: 0] += 1 }
        let total = Double(tokens.count)
        // In order, since the sum of floats depends on it.
        return counts.values.sorted().reduce(0) { sum, count in
            sum - Double(count) / total * log(Double(count) / total)
        }
    }
}
