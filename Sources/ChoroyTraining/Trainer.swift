public import ChoroyModel
internal import ChoroySystem
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
    private let lanes: [Lane]
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
        lanes = (0..<plan.lanes).map { _ in Lane(trainable) }
        for parameter in trainable { parameter.keepsPanels = plan.keepsPanels }
    }

    /// One step; nil when the plan is done.
    public func next() -> Report? {
        guard step < plan.steps else { return nil }
        let parts = batches.microBatches(step)
        OperationTimes.shared.end("batch")
        let loss = accumulate(parts)
        let norm = lanes[0].gradients.norm()
        OperationTimes.shared.end("gradient norm", floats: lanes[0].gradients.count)
        let rate = plan.rate(at: step)
        let isFinite = loss.isFinite && norm.isFinite
        if isFinite {
            optimizer.update(
                with: lanes[0].gradients, norm: norm, learningRate: Float(rate))
            OperationTimes.shared.end("optimizer", floats: 7 * lanes[0].gradients.count)
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

    /// Puts the gradient of a batch into the first lane; gives the mean loss of its targets.
    ///
    /// The parts are dealt out to the lanes. Each lane is done whole by one thread, without a barrier, unless that would
    /// leave a thread idle; then their sums are added in their order. So the bits are the same for any number of threads.
    private func accumulate(_ parts: [MicroBatch]) -> Double {
        let total = parts.reduce(0) { $0 + $1.targetCount }
        let lanes = lanes
        if lanes.count > 1 {
            let trainable = trainable
            ThreadPool.shared.run(trainable.count) { trainable[$0].renewPanels() }
            OperationTimes.shared.end("pack weights")
        }
        let run = { (index: Int) in
            let lane = lanes[index]
            lane.gradients.reset()
            OperationTimes.shared.end("zero gradients", floats: lane.gradients.count)
            lane.loss = 0
            let first = index * parts.count / lanes.count
            for part in parts[first..<(index + 1) * parts.count / lanes.count] {
                lane.loss += self.accumulate(part, of: total, into: &lane.gradients)
            }
        }
        let together = plan.lanesTogether(threads: ThreadPool.shared.threadCount)
        if together == 1 || OperationTimes.shared.isCounting {
            for index in lanes.indices { run(index) }
        } else {
            ThreadPool.shared.run(lanes.count, run)
        }
        for lane in lanes.dropFirst() { lanes[0].gradients.add(lane.gradients) }
        OperationTimes.shared.end(
            "add gradients", floats: 3 * (lanes.count - 1) * lanes[0].gradients.count)
        return lanes.reduce(0) { $0 + $1.loss }
    }

    /// Adds the gradient of a part of a batch; gives its share of the mean loss of the batch's `total` targets.
    private func accumulate(_ part: MicroBatch, of total: Int, into gradients: inout Gradients)
        -> Double
    {
        let count = part.targetCount
        guard count > 0 else { return 0 }
        var pass = ForwardPass.training(
            lengths: part.lengths,
            .init(dropout: plan.dropout, seed: plan.seed ^ UInt64(part.first) << 32, step: step),
            precision: plan.precision)
        pass.recomputesLayers = plan.checkpointActivations
        let share = linearCrossEntropy(
            model.hidden(part.inputs, pass), model.lmHead, targets: part.targets,
            precision: plan.precision, scale: Float(count) / Float(total), into: &gradients)
        share.backward(into: &gradients)
        return Double(share.scalar)
    }

    /// What one thread adds up of a step.
    ///
    /// `@unchecked`: one thread at a time has it.
    private final class Lane: @unchecked Sendable {
        var gradients: Gradients
        var loss = 0.0

        init(_ parameters: [Parameter]) { gradients = Gradients(for: parameters) }
    }
}
