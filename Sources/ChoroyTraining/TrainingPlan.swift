public import ChoroyModel
internal import ChoroySystem

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
    public var learningRate: Double
    public var warmupSteps: Int
    public var dropout: Float
    public var seed: UInt64
    /// Steps between two validations, each followed by a checkpoint.
    public var evaluationInterval: Int
    public var optimizer: AdamW.Settings

    public init(
        steps: Int, context: Int, batchSize: Int, microBatchSize: Int? = nil,
        learningRate: Double = 1e-3, warmupSteps: Int? = nil, dropout: Float = 0, seed: UInt64 = 1,
        evaluationInterval: Int? = nil, optimizer: AdamW.Settings = AdamW.Settings()
    ) {
        self.steps = steps
        self.context = context
        self.batchSize = batchSize
        // About 4,096 tokens at once: enough for the matrix products, little memory.
        self.microBatchSize = microBatchSize ?? max(1, min(batchSize, 4096 / max(1, context)))
        self.learningRate = learningRate
        self.warmupSteps = warmupSteps ?? min(100, steps / 20)
        self.dropout = dropout
        self.seed = seed
        self.evaluationInterval = evaluationInterval ?? max(1, (steps + 19) / 20)
        self.optimizer = optimizer
    }

    public var schedule: LearningRateSchedule {
        LearningRateSchedule(peak: learningRate, warmupSteps: warmupSteps, steps: steps)
    }

    /// Tokens of a step.
    public var batchTokens: Int { context * batchSize }

    /// Tells whether the numbers are possible.
    ///
    /// - Throws: `FileError` that names the option.
    public func validate() throws {
        func check(_ holds: Bool, _ option: String, _ expected: String, _ found: String) throws {
            guard holds else { throw FileError(option, expected: expected, found: found) }
        }
        try check(steps > 0 && steps < 1 << 40, "--steps", "a positive number", "\(steps)")
        try check(context > 0 && context <= 1 << 20, "--context", "1 to 1048576", "\(context)")
        try check(
            batchSize > 0 && batchSize <= 1 << 20, "--batch-tokens",
            "at least one sequence of \(context) tokens", "\(batchSize) sequences")
        try check(
            learningRate > 0 && learningRate <= 1, "--learning-rate", "above 0, at most 1",
            "\(learningRate)")
        try check(dropout >= 0 && dropout < 1, "--dropout", "at least 0, below 1", "\(dropout)")
    }

    /// Bytes a run needs at its peak: weights, gradients, two moments, and the activations of a
    /// micro-batch.
    public func memoryEstimate(_ config: TransformerConfig) -> Int {
        let tokens = context * microBatchSize
        let attention =
            (2 * config.numAttentionHeads + 3 * config.numKeyValueHeads) * config.headDim
        let layer =
            8 * config.hiddenSize + 2 * attention + 5 * config.intermediateSize
        let logits = min(max(16, (4 << 20) / config.vocabSize), tokens) * config.vocabSize
        let head = 4 * tokens * config.hiddenSize + 2 * config.vocabSize * config.hiddenSize
        let floats =
            4 * config.parameterCount + tokens * layer * config.numHiddenLayers + logits + head
        return 4 * floats + (40 << 20)
    }
}
