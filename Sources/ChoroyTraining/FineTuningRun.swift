internal import ChoroyModel
internal import ChoroySystem
internal import ChoroyTensor

/// A fine-tuning run in its directory. What is published there is the best state by validation, not
/// the last.
///
///     DIR/adapter_config.json adapter_model.safetensors    an adapter, as PEFT reads it
///     DIR/config.json model.safetensors                    or a model
///     DIR/tokenizer.json tokenizer_config.json generation_config.json
///     DIR/training/plan.json                               what decides how the run goes
///     DIR/training/step-…/                                 weights, optimizer, state, and the best
///
/// A run that is killed at any instant and opened again ends with the bytes of one never stopped.
public final class FineTuningRun {
    public let directory: String
    public let record: FineTuningRecord
    public let trainer: Trainer
    /// The step and the loss of the best validation so far.
    public private(set) var best: (step: Int, loss: Double)?
    /// Validations since the best.
    public private(set) var waiting = 0
    /// What was found damaged on opening, and what was done about it, one line each.
    public private(set) var repairs: [String] = []
    private let store: CheckpointStore
    /// The parameters at the best step.
    private var bestValues: [Tensor] = []

    /// A new run: writes everything but weights into `directory`.
    ///
    /// - Throws: `FileError` when the directory has a run already or cannot be written.
    public convenience init(
        new directory: String, _ record: FineTuningRecord, base: FineTuningBase,
        training: [ChatExample]
    ) throws {
        let store = try Self.store(of: directory, record.method)
        if try TrainingRecord.exists(in: directory) || !store.steps().isEmpty {
            throw FileError(
                directory, expected: "a new directory, or --resume", found: "a training run")
        }
        try base.writeFiles(record.method, to: directory)
        // Last: a directory without it has nothing to lose, and may be begun again.
        try record.write(to: directory)
        try self.init(directory, record, base, training, store)
    }

    /// Opens the run in `directory` at its newest whole checkpoint, or at its start. Its record has been
    /// found to fit base and data.
    public convenience init(
        resuming directory: String, _ record: FineTuningRecord, base: FineTuningBase,
        training: [ChatExample]
    ) throws {
        let store = try Self.store(of: directory, record.method)
        try self.init(directory, record, base, training, store)
        if let checkpoint = try store.latest() { try restore(from: checkpoint) }
        repairs = store.damaged.map { "passed over a damaged checkpoint: \($0)" }
        // They are small, and the same for the whole run: written again rather than examined.
        try base.writeFiles(record.method, to: directory)
    }

    private init(
        _ directory: String, _ record: FineTuningRecord, _ base: FineTuningBase,
        _ training: [ChatExample], _ store: CheckpointStore
    ) throws {
        self.directory = directory
        self.record = record
        self.store = store
        let plan = record.plan
        let learner = try base.learner(record.method, seed: plan.seed)
        trainer = Trainer(
            learner.model, trainable: learner.trainable,
            on: ChatBatches(training, plan: plan), plan: plan)
    }

    private static func store(of directory: String, _ method: FineTuningRecord.Method) throws
        -> CheckpointStore
    {
        try CheckpointStore(directory: directory, publishing: [publishedName(method)])
    }

    private static func publishedName(_ method: FineTuningRecord.Method) -> String {
        switch method {
        case .full: "model.safetensors"
        case .lora: Adapter.weightsName
        }
    }

    /// Whether the plan is done, or has had no better validation for too long.
    public var isOver: Bool {
        trainer.step >= record.plan.steps || record.patience > 0 && waiting >= record.patience
    }

    /// Takes note of a validation of the present state; true when it is the best so far.
    public func note(validationLoss loss: Double) -> Bool {
        // Anything is better than a loss that is no number.
        if let best, !(loss < best.loss) {
            waiting += 1
            return false
        }
        guard loss.isFinite else {
            waiting += 1
            return false
        }
        best = (trainer.step, loss)
        waiting = 0
        bestValues = Self.copies(trainer.trainable)
        return true
    }

    /// Goes back to the best state: for a last look, after which there is no step.
    public func takeBest() {
        for (parameter, value) in zip(trainer.trainable, bestValues) { parameter.set(value) }
    }

    private static func copies(_ parameters: [Parameter]) -> [Tensor] {
        parameters.map { Tensor($0.value.values, shape: $0.shape) }
    }

    // MARK: - Checkpoints

    private static let weightsName = "weights.safetensors"
    private static let bestName = "best.json"

    /// Writes a checkpoint of the present step, and links the best weights into the directory.
    ///
    /// - Throws: `FileError`; earlier checkpoints are intact then.
    public func save() throws {
        try store.save(step: trainer.step) { directory in
            try trainer.write(to: directory, weights: Self.weightsName)
            // Before the first validation the present state is all there is.
            let values = bestValues.isEmpty ? trainer.trainable.map(\.value) : bestValues
            try Safetensors.write(
                to: FilePath.join(directory, Self.publishedName(record.method)),
                tensors: zip(trainer.trainable, values).map { Safetensors.Entry($0.name, $1) })
            let json = JSONObject([
                ("step", best.map { .integer($0.step) } ?? .null),
                ("loss", best.map { .number($0.loss) } ?? .null), ("waiting", .integer(waiting)),
            ])
            try AtomicFile.write(
                JSONWriter.bytes(.object(json), indentation: 2) + [10],
                to: FilePath.join(directory, Self.bestName))
        }
    }

    private func restore(from checkpoint: Checkpoint) throws {
        try trainer.restore(from: checkpoint)
        let path = checkpoint.path(of: Self.bestName)
        let json = try JSONReader.parse(FileBytes.read(path, limit: 1 << 20), path: path)
        guard let waiting = json["waiting"]?.integer, waiting >= 0 else {
            throw FileError(path, at: "waiting", expected: "0 or more", found: "none")
        }
        self.waiting = waiting
        if let step = json["step"]?.integer, let loss = json["loss"]?.double {
            best = (step, loss)
            try trainer.restoreWeights(from: checkpoint.path(of: Self.publishedName(record.method)))
            bestValues = Self.copies(trainer.trainable)
        }
        try trainer.restoreWeights(from: checkpoint.path(of: Self.weightsName))
    }
}

extension ChatBatches {
    /// The batches of a plan whose sequences are conversations.
    public init(_ examples: [ChatExample], plan: TrainingPlan) {
        self.init(
            examples, batchSize: plan.batchSize,
            microBatchTokens: plan.context * plan.microBatchSize, seed: plan.seed)
    }
}
