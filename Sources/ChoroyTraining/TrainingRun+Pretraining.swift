internal import ChoroyModel
internal import ChoroySystem
public import ChoroyText

/// A run that learns a new model from text.
///
///     DIR/config.json tokenizer.json tokenizer_config.json generation_config.json
///
/// The model's directory, as Hugging Face reads it.
extension TrainingRun {
    private static let weightsName = "model.safetensors"

    /// A new run: writes everything but weights into `directory`.
    ///
    /// - Throws: `FileError` when the directory has a run already or cannot be written.
    public convenience init(
        new directory: String, _ record: TrainingRecord, tokenizer: Tokenizer,
        tokens: TrainingTokens
    ) throws {
        let store = try CheckpointStore(directory: directory, publishing: [Self.weightsName])
        if try TrainingRecord.exists(in: directory) || !store.steps().isEmpty {
            throw FileError(
                directory, expected: "a new directory, or --resume", found: "a training run")
        }
        var record = record
        record.config.tokenizerSha256 = tokenizer.hash
        try record.check(tokens: tokens, in: directory)
        let model = try Self.firstModel(record)
        try ModelDirectory.write(record.config, tokenizer: tokenizer, to: directory)
        // Last: a directory without it has nothing to lose, and may be begun again.
        try record.write(to: directory)
        try self.init(
            directory,
            Trainer(model, tokens: tokens, plan: record.plan), store,
            publishing: Self.weightsName, at: nil)
        // From now on the model that the run began with may change or go.
        if record.base != nil { try save() }
    }

    /// Opens the run in `directory` at its newest whole checkpoint, or at its start.
    ///
    /// Damaged checkpoints are passed over; a missing or damaged configuration is written again.
    /// - Throws: `FileError` when the text or the tokenizer is another one, or the plan is damaged.
    public convenience init(
        resuming directory: String, textHash: String, tokenizer: Tokenizer, tokens: TrainingTokens
    ) throws {
        let store = try CheckpointStore(directory: directory, publishing: [Self.weightsName])
        let record = try TrainingRecord(of: directory)
        try record.check(textHash: textHash, in: directory)
        try record.check(tokens: tokens, in: directory)
        try ModelDirectory.check(tokenizer, belongsTo: record.config, in: directory)
        let checkpoint = try store.latest()
        let model =
            if let checkpoint {
                try Transformer(
                    record.config,
                    from: try SafetensorsFile(
                        path: Self.weights(of: checkpoint, published: Self.weightsName)))
            } else {
                try Self.firstModel(record)
            }
        try self.init(
            directory, Trainer(model, tokens: tokens, plan: record.plan), store,
            publishing: Self.weightsName, at: checkpoint)
        try repairModel(record.config, tokenizer)
    }

    /// Ends with step `steps` from now on, and records that; the steps that are done keep their rates.
    ///
    /// - Throws: `FileError` when it cannot be recorded; then the end is as before.
    public func moveEnd(to steps: Int) throws {
        var record = try TrainingRecord(of: directory)
        record.plan.moveEnd(to: steps, at: trainer.step)
        try record.write(to: directory)
        trainer.plan = record.plan
    }

    /// Writes the files again without which the model's directory does not open.
    private func repairModel(_ config: TransformerConfig, _ tokenizer: Tokenizer) throws {
        func repair(
            _ name: String, _ read: (String) throws -> Void, _ write: (String) throws -> Void
        ) throws {
            let path = FilePath.join(directory, name)
            do {
                try read(path)
            } catch {
                try write(path)
                repairs.append("wrote a damaged file again: \(error)")
            }
        }
        let generation = GenerationConfig(
            bosTokenId: config.bosTokenId, eosTokenId: config.eosTokenId)
        try repair("generation_config.json") {
            _ = try GenerationConfig(contentsOf: $0)
        } _: {
            try generation.write(to: $0)
        }
        try repair("tokenizer_config.json") {
            _ = try JSONReader.parse(FileBytes.read($0), path: $0)
        } _: { _ in
            try tokenizer.save(to: directory)
        }
        try repair("config.json") {
            _ = try TransformerConfig(contentsOf: $0)
        } _: {
            try config.write(to: $0)
        }
    }

    private static func firstModel(_ record: TrainingRecord) throws -> Transformer {
        try record.base?.model(record.config)
            ?? Transformer(record.config, from: ParameterSource(seed: record.plan.seed))
    }
}
