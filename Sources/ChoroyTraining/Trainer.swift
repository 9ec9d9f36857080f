public import ChoroyModel
internal import ChoroySystem
internal import ChoroyTensor
public import ChoroyText

/// Trains a Transformer on batches of a text: each turn of the sequence is one step.
///
///     for report in trainer { … }
///
/// Logging, sampling, saving and stopping belong to whoever iterates.
public final class Trainer: Sequence, IteratorProtocol {
    public let model: Transformer
    public let plan: TrainingPlan
    /// Steps done.
    public internal(set) var step = 0
    /// Steps in a row whose loss or gradient was not finite; they changed nothing.
    public internal(set) var nonFiniteSteps = 0
    var optimizer: AdamW
    private var gradients: Gradients
    private var batches: PretrainingBatches

    /// What one step did.
    public struct Report: Sendable {
        /// Steps done, this one included.
        public let step: Int
        /// Tokens read by all steps so far.
        public let tokens: Int
        /// Mean nats of a token before the update.
        public let loss: Double
        public let learningRate: Double
        /// Norm of the gradient before clipping.
        public let gradientNorm: Double
        /// False when the step was skipped, since loss or gradient was not finite.
        public let isFinite: Bool
    }

    /// - Precondition: the text has more tokens than the plan's context.
    public init(_ model: Transformer, tokens: [TokenID], plan: TrainingPlan) {
        self.model = model
        self.plan = plan
        optimizer = AdamW(model.parameters, settings: plan.optimizer)
        gradients = Gradients(for: model.parameters)
        batches = PretrainingBatches(
            tokens, context: plan.context, batchSize: plan.batchSize, seed: plan.seed)
    }

    /// One step; nil when the plan is done.
    public func next() -> Report? {
        guard step < plan.steps else { return nil }
        let (inputs, targets) = batches.batch(step)
        gradients.reset()
        let loss = accumulate(inputs, targets)
        let norm = gradients.norm()
        let rate = plan.schedule.rate(at: step)
        let isFinite = loss.isFinite && norm.isFinite
        if isFinite {
            optimizer.update(with: gradients, norm: norm, learningRate: Float(rate))
            nonFiniteSteps = 0
        } else {
            nonFiniteSteps += 1
        }
        step += 1
        return Report(
            step: step, tokens: step * plan.batchSize * plan.context, loss: loss,
            learningRate: rate, gradientNorm: norm, isFinite: isFinite)
    }

    /// Adds the gradient of a batch, a few sequences at a time; gives the mean loss.
    private func accumulate(_ inputs: [TokenID], _ targets: [TokenID]) -> Double {
        let (context, batchSize) = (plan.context, plan.batchSize)
        var loss = 0.0
        for first in stride(from: 0, to: batchSize, by: plan.microBatchSize) {
            let count = Swift.min(plan.microBatchSize, batchSize - first)
            let range = first * context..<(first + count) * context
            let pass = ForwardPass.training(
                lengths: [Int](repeating: context, count: count),
                .init(
                    dropout: plan.dropout, seed: plan.seed ^ UInt64(first) << 32, step: step),
                precision: plan.precision)
            let hidden = model.hidden(Array(inputs[range]), pass)
            let mean = linearCrossEntropy(
                hidden, model.lmHead, recording: true, targets: Array(targets[range]),
                precision: plan.precision)
            let share = Float(count) / Float(batchSize)
            loss += Double(mean.scalar) * Double(share)
            mean.backward(into: &gradients, scale: share)
        }
        return loss
    }
}
