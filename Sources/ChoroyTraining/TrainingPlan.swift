public import ChoroyModel
public import ChoroySystem
public import ChoroyTensor

/// Everything that decides how a run goes: the same plan, text, precision and CPU type give the same
/// bytes. It is kept in `training/plan.json`.
public struct TrainingPlan: Sendable, Equatable {
    public var steps: Int
    /// Tokens of a sequence.
    public var context: Int
    /// Sequences of a step.
    public var batchSize: Int
    /// Sequences whose activations exist at once.
    public var microBatchSize: Int
    /// Shares of a step that threads do whole, each with gradients of its own: 1 when threads share each operation.
    public var lanes: Int
    public var learningRate: Double
    public var warmupSteps: Int
    public var dropout: Float
    public var seed: UInt64
    /// Steps between two validations, each followed by a checkpoint.
    public var evaluationInterval: Int
    public var optimizer: Optimizer.Settings
    /// How the learning rate goes after the warm-up, its share at the end, and the share of the steps
    /// in which a `wsd` falls.
    public var scheduleShape: LearningRateSchedule.Shape
    public var finalShare: Double
    public var decayShare: Double
    /// What the factors of the large products are rounded to.
    public var precision: Precision
    /// Whether a layer's activations are computed again in the backward pass instead of kept: the same
    /// bits in less memory and about a third more time.
    public var checkpointActivations = false
    /// Seconds that steps, validations and checkpoints may take; nil when only steps count.
    public var seconds: Double?
    /// The numbers of steps that were planned before, each until the step at which it was changed.
    public private(set) var earlierEnds: [EarlierEnd] = []

    /// `steps` as it was for the steps before `until`.
    public struct EarlierEnd: Sendable, Equatable {
        public let until: Int
        public let steps: Int

        public init(until: Int, steps: Int) {
            self.until = until
            self.steps = steps
        }
    }

    public init(
        steps: Int, context: Int, batchSize: Int, microBatchSize: Int? = nil, lanes: Int = 1,
        learningRate: Double = 1e-3, warmupSteps: Int? = nil, dropout: Float = 0, seed: UInt64 = 1,
        evaluationInterval: Int? = nil, optimizer: Optimizer.Settings = Optimizer.Settings(),
        scheduleShape: LearningRateSchedule.Shape = .cosine, finalShare: Double? = nil,
        decayShare: Double = 0.5, precision: Precision = .float32
    ) {
        self.steps = steps
        self.context = context
        self.batchSize = batchSize
        // About 1,024 tokens at once: enough for the matrix products, and what an operation leaves is
        // still in the cache for the next.
        let share = (batchSize + max(1, lanes) - 1) / max(1, lanes)
        self.microBatchSize = microBatchSize ?? max(1, min(share, 1024 / max(1, context)))
        self.lanes = lanes
        self.learningRate = learningRate
        self.warmupSteps = warmupSteps ?? min(100, steps / 20)
        self.dropout = dropout
        self.seed = seed
        self.evaluationInterval = evaluationInterval ?? max(1, (steps + 19) / 20)
        self.optimizer = optimizer
        self.scheduleShape = scheduleShape
        self.finalShare = finalShare ?? (scheduleShape == .cosine ? 0.1 : 0)
        self.decayShare = decayShare
        self.precision = precision
    }

    public var schedule: LearningRateSchedule {
        LearningRateSchedule(
            peak: learningRate, warmupSteps: warmupSteps, steps: steps, shape: scheduleShape,
            finalShare: finalShare, decayShare: decayShare)
    }

    /// The learning rate of step `step`, counted from 0: by the end that was planned when it was made.
    public func rate(at step: Int) -> Double {
        var schedule = schedule
        if let earlier = earlierEnds.first(where: { step < $0.until }) {
            schedule.steps = earlier.steps
        }
        return schedule.rate(at: step)
    }

    /// Changes the number of steps when `step` steps are done; their rates stay what they were.
    ///
    /// - Precondition: the new end and the last change are not in the past.
    public mutating func moveEnd(to steps: Int, at step: Int) {
        precondition(
            steps > step && step >= earlierEnds.last?.until ?? 0,
            "a plan's end moved to \(steps) at step \(step)")
        earlierEnds.append(EarlierEnd(until: step, steps: self.steps))
        self.steps = steps
    }

    /// Whether the end is settled for `step` already, by a change at it or later.
    public func isEndSettled(at step: Int) -> Bool { step <= earlierEnds.last?.until ?? -1 }

    /// Takes over the changes that another plan had; false when they are impossible.
    public mutating func setEarlierEnds(_ ends: [EarlierEnd]) -> Bool {
        var last = -1
        for end in ends {
            guard end.until > last, end.steps > end.until, end.steps <= 1 << 40 else {
                return false
            }
            last = end.until
        }
        guard last < steps else { return false }
        earlierEnds = ends
        return true
    }

    /// Tokens of a step.
    public var batchTokens: Int { context * batchSize }

    /// A value that is impossible: its key in `plan.json`, the bounds, and what it is.
    public struct Problem: Sendable, Equatable {
        public let key: String
        public let expected: String
        public let found: String
    }

    /// The first value that is impossible; nil when all are possible.
    public var problem: Problem? {
        func size(_ key: String, _ value: Int, _ range: ClosedRange<Int>) -> Problem? {
            if range ~= value { return nil }
            return Problem(
                key: key, expected: "\(range.lowerBound) to \(range.upperBound)", found: "\(value)")
        }
        func number(
            _ key: String, _ value: some BinaryFloatingPoint, _ expected: String, _ holds: Bool
        ) -> Problem? {
            holds ? nil : Problem(key: key, expected: expected, found: "\(value)")
        }
        let adamw = optimizer.adamw
        let (beta1, beta2, momentum) = (adamw.beta1, adamw.beta2, optimizer.momentum)
        let (decay, clip) = (adamw.weightDecay, adamw.clipNorm)
        let problems = [
            size("steps", steps, 1...1 << 40),
            size("context", context, 1...1 << 20),
            size("batch_size", batchSize, 1...max(1, Self.largestBatch / max(1, context))),
            size("micro_batch_size", microBatchSize, 1...max(1, batchSize)),
            size("lanes", lanes, 1...max(1, min(64, batchSize))),
            number(
                "learning_rate", learningRate, "above 0, at most 1",
                learningRate > 0 && learningRate <= 1),
            size("warmup_steps", warmupSteps, 0...1 << 40),
            // A share so near to 1 that it rounds to 1 would leave nothing.
            number("dropout", dropout, "0 to 0.99", dropout >= 0 && dropout <= 0.99),
            number(
                "seconds", seconds ?? 1, "above 0, at most 1e9",
                seconds.map { $0 > 0 && $0 <= 1e9 } ?? true),
            size("evaluation_interval", evaluationInterval, 1...1 << 40),
            number("beta1", beta1, "at least 0, below 1", beta1 >= 0 && beta1 < 1),
            number("beta2", beta2, "at least 0, below 1", beta2 >= 0 && beta2 < 1),
            number(
                "epsilon", adamw.epsilon, "above 0, at most 1",
                adamw.epsilon > 0 && adamw.epsilon <= 1),
            number("weight_decay", decay, "0 to 10", decay >= 0 && decay <= 10),
            number(
                "momentum", momentum, "at least 0, below 1", momentum >= 0 && momentum < 1),
            number("final_share", finalShare, "0 to 1", finalShare >= 0 && finalShare <= 1),
            number("decay_share", decayShare, "0 to 1", decayShare >= 0 && decayShare <= 1),
            number("clip_norm", clip, "above 0, at most 1e6", clip > 0 && clip <= 1e6),
        ]
        return problems.lazy.compactMap { $0 }.first
    }

    /// Most tokens of a step.
    public static let largestBatch = 1 << 24

    /// Whether matrices stay packed between the micro-batches of a step: less work for more memory.
    var keepsPanels: Bool { lanes > 1 || batchSize >= 4 * microBatchSize }

    /// How many lanes suit a step: operations of a small model are too short to share, since a thread that reads what
    /// another has just written may wait longer than it computes. The gradients of a large one would take much memory,
    /// and a lane of few tokens makes narrow products.
    public static func lanes(parameters: Int, context: Int, batchSize: Int) -> Int {
        let most = parameters <= 1 << 21 ? 4 : parameters <= 1 << 24 ? 2 : 1
        return max(1, min(most, batchSize, context * batchSize / 384))
    }

    /// Lanes that run at once, each on a thread of its own; 1 when threads share each operation, since of lanes one
    /// would be idle.
    func lanesTogether(threads: Int) -> Int { lanes.isMultiple(of: threads) ? threads : 1 }

    /// Bytes a run on a text of `textBytes` needs at its peak: within about 15 % for texts of some
    /// megabytes, too much for much larger ones.
    ///
    /// - Parameter threads: Those of the run; lanes that run at once each have activations.
    public func memoryEstimate(
        _ config: TransformerConfig, textBytes: Int = 0,
        threads: Int = ThreadPool.shared.threadCount
    ) -> Int {
        let together = lanesTogether(threads: threads)
        let tokens = context * microBatchSize * together
        let (width, inner) = (config.hiddenSize, config.intermediateSize)
        let queries = config.numAttentionHeads * config.headDim
        let keys = config.numKeyValueHeads * config.headDim
        // Weights, gradients, two moments, weights packed for evaluation, moments on their way to a
        // checkpoint.
        let parameters = (6 + lanes) * config.parameterCount
        // The matrices once more, as the right factors of two products.
        let panels =
            keepsPanels ? (precision == .bfloat16 ? 1 : 2) * config.parameterCount : 0
        // What each layer keeps for the way back, and what one layer needs in passing. The gated product
        // is kept as the gradient of the next matrix reads it.
        let layer =
            4 * width + 2 * (queries + keys) + 2 * inner + inner / (precision == .bfloat16 ? 2 : 1)
        let kept =
            checkpointActivations
            ? config.numHiddenLayers * width + layer : config.numHiddenLayers * layer
        let passing = 6 * width + 5 * inner
        // Eight windows of validation text and their caches find room in what the steps leave, if that is
        // enough.
        let windows = 8 * min(context, 1024)
        let caches = 8 * 2 * keys * config.numHiddenLayers * (context + 64)
        let activations = max(tokens * (kept + passing), caches + windows * passing)
        // Logits of a block of tokens, or of those windows.
        let rows = max(
            together * headBlock(rows: tokens / together, vocabulary: config.vocabSize), windows)
        let floats =
            parameters + panels + activations + (rows + width) * config.vocabSize
        return 4 * floats + 5 * textBytes + 20_000_000
    }
}
