internal import ChoroyModel
internal import ChoroySystem

/// A run that teaches a model from conversations.
///
///     DIR/adapter_config.json adapter_model.safetensors    an adapter, as PEFT reads it
///     DIR/config.json model.safetensors                    or a model
///     DIR/tokenizer.json tokenizer_config.json generation_config.json
extension TrainingRun {
    /// A new run: writes everything but weights into `directory`.
    ///
    /// - Throws: `FileError` when the directory has a run already or cannot be written.
    public convenience init(
        new directory: String, _ record: FineTuningRecord, base: FineTuningBase,
        training: [ChatExample]
    ) throws {
        let store = try CheckpointStore(
            directory: directory, publishing: [Self.weightsName(record.method)])
        if try TrainingRecord.exists(in: directory) || !store.steps().isEmpty {
            throw FileError(
                directory, expected: "a new directory, or --resume", found: "a training run")
        }
        try base.writeFiles(record.method, to: directory)
        // Last: a directory without it has nothing to lose, and may be begun again.
        try record.write(to: directory)
        try self.init(
            directory, try Self.trainer(record, base, training), store,
            publishing: Self.weightsName(record.method), patience: record.patience, at: nil)
    }

    /// Opens the run in `directory` at its newest whole checkpoint, or at its start. Its record has been
    /// found to fit base and data.
    public convenience init(
        resuming directory: String, _ record: FineTuningRecord, base: FineTuningBase,
        training: [ChatExample]
    ) throws {
        let name = Self.weightsName(record.method)
        let store = try CheckpointStore(directory: directory, publishing: [name])
        let trainer = try Self.trainer(record, base, training)
        let checkpoint = try store.latest()
        if let checkpoint {
            try trainer.restoreWeights(from: Self.weights(of: checkpoint, published: name))
        }
        try self.init(
            directory, trainer, store, publishing: name, patience: record.patience, at: checkpoint)
        // They are small, and the same for the whole run: written again rather than examined.
        try base.writeFiles(record.method, to: directory)
    }

    private static func trainer(
        _ record: FineTuningRecord, _ base: FineTuningBase, _ training: [ChatExample]
    ) throws -> Trainer {
        let plan = record.plan
        let learner = try base.learner(record.method, seed: plan.seed)
        return Trainer(
            learner.model, trainable: learner.trainable, on: ChatBatches(training, plan: plan),
            plan: plan)
    }

    private static func weightsName(_ method: FineTuningRecord.Method) -> String {
        switch method {
        case .full: "model.safetensors"
        case .lora: Adapter.weightsName
        }
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
