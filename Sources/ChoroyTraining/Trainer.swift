public import ChoroyModel
public import ChoroyTensor
internal import ChoroyText

/// Trains a Transformer, or adapters of it, on batches: each turn of the sequence is one step.
///
///     for report in trainer { … }
///
/// Logging, sampling, saving and stopping belong to whoever iterates.
public final class Trainer: Sequence, IteratorProtocol {
    public let model: Transformer
    public internal(set) var plan: TrainingPlan
    /// Steps done.
    public internal(set) var step = 0
    /// Steps in a row whose loss or gradient was not finite; they changed nothing.
    public internal(set) var nonFiniteSteps = 0
    /// What training changes.
    public let trainable: [Parameter]
    var optimizer: Optimizer
    private var gradients: Gradients
    private var batches: any TrainingBatches

    /// What one step did.
    public struct Report: Sendable {
        /// Steps done, this one included.
        public let step: Int
        /// Tokens read by all steps so far.
        public let tokens: Int
        /// Mean nats of a target before the update.
        public let loss: Double
        public let learningRate: Double
        /// Norm of the gradient before clipping.
        public let gradientNorm: Double
        /// False when the step was skipped, since loss or gradient was not finite.
        public let isFinite: Bool
    }

    /// A trainer of all of a new model on a text.
    ///
    /// - Precondition: the text has more tokens than the plan's context.
    public convenience init(_ model: Transformer, tokens: TrainingTokens, plan: TrainingPlan) {
        self.init(
            model, trainable: model.parameters,
            on: PretrainingBatches(
                tokens, context: plan.context, batchSize: plan.batchSize,
                microBatchSize: plan.microBatchSize, seed: plan.seed), plan: plan)
    }

    /// A trainer of the parameters `trainable`; the others of `model` are frozen.
    public init(
        _ model: Transformer, trainable: [Parameter], on batches: any TrainingBatches,
        plan: TrainingPlan
    ) {
        self.model = model
        self.trainable = trainable
        self.batches = batches
        self.plan = plan
        optimizer = Optimizer(
            trainable, settings: plan.optimizer, precision: plan.precision)
        gradients = Gradients(for: trainable)
        for parameter in trainable { parameter.keepsPanels = plan.keepsPanels }
    }

    /// One step; nil when the plan is done.
    public func next() -> Report? {
        guard step < plan.steps else { return nil }
        gradients.reset()
        OperationTimes.shared.end("zero gradients", floats: gradients.count)
        let parts = batches.microBatches(step)
        OperationTimes.shared.end("batch")
        let loss = accumulate(parts)
        let norm = gradients.norm()
        OperationTimes.shared.end("gradient norm", floats: gradients.count)
        let rate = plan.rate(at: step)
        let isFinite = loss.isFinite && norm.isFinite
        if isFinite {
            optimizer.update(with: gradients, norm: norm, learningRate: Float(rate))
            OperationTimes.shared.end("optimizer", floats: 7 * gradients.count)
            nonFiniteSteps = 0
        } else {
            nonFiniteSteps += 1
        }
        step += 1
        return Report(
            step: step, tokens: batches.tokens(before: step), loss: loss, learningRate: rate,
            gradientNorm: norm, isFinite: isFinite)
    }

    /// Tokens read by all steps so far.
    public var tokens: Int { batches.tokens(before: step) }

    /// Adds the gradient of a batch, part by part; gives the mean loss of its targets.
    private func accumulate(_ parts: [MicroBatch]) -> Double {
        let counts = parts.map(\.targetCount)
        let total = counts.reduce(0, +)
        var loss = 0.0
        for (part, count) in zip(parts, counts) where count > 0 {
            var pass = ForwardPass.training(
                lengths: part.lengths,
                .init(
                    dropout: plan.dropout, seed: plan.seed ^ UInt64(part.first) << 32, step: step),
                precision: plan.precision)
            pass.recomputesLayers = plan.checkpointActivations
            let share = linearCrossEntropy(
                model.hidden(part.inputs, pass), model.lmHead, targets: part.targets,
                precision: plan.precision, scale: Float(count) / Float(total), into: &gradients)
            loss += Double(share.scalar)
            share.backward(into: &gradients)
        }
        return loss
    }
}
