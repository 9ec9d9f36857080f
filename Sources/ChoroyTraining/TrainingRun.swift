internal import ChoroyModel
internal import ChoroySystem
public import ChoroyText

/// A training run in its directory: what it is made of, and its checkpoints.
///
///     DIR/config.json model.safetensors tokenizer.json …   the model, as Hugging Face reads it
///     DIR/training/plan.json                               what decides how the run goes
///     DIR/training/step-…/                                 weights, optimizer and state
///
/// A run that is killed at any instant and opened again ends with the bytes of one never stopped.
public final class TrainingRun {
    public let directory: String
    public let trainer: Trainer
    /// What was found damaged on opening, and what was done about it, one line each.
    public private(set) var repairs: [String] = []
    private let store: CheckpointStore

    /// A new run: writes everything but weights into `directory`.
    ///
    /// - Throws: `FileError` when the directory has a run already or cannot be written.
    public init(
        new directory: String, _ record: TrainingRecord, tokenizer: Tokenizer, tokens: TrainingTokens
    ) throws {
        self.directory = directory
        store = try CheckpointStore(directory: directory)
        if try TrainingRecord.exists(in: directory) || !store.steps().isEmpty {
            throw FileError(
                directory, expected: "a new directory, or --resume", found: "a training run")
        }
        var record = record
        record.config.tokenizerSha256 = tokenizer.hash
        try record.check(tokens: tokens, in: directory)
        try ModelDirectory.write(record.config, tokenizer: tokenizer, to: directory)
        // Last: a directory without it has nothing to lose, and may be begun again.
        try record.write(to: directory)
        trainer = Trainer(try Self.firstModel(record), tokens: tokens, plan: record.plan)
    }

    /// Opens the run in `directory` at its newest whole checkpoint, or at its start.
    ///
    /// Damaged checkpoints are passed over; a missing or damaged configuration is written again.
    /// - Throws: `FileError` when the text or the tokenizer is another one, or the plan is damaged.
    public init(
        resuming directory: String, textHash: String, tokenizer: Tokenizer, tokens: TrainingTokens
    ) throws {
        self.directory = directory
        store = try CheckpointStore(directory: directory)
        let record = try TrainingRecord(of: directory)
        try record.check(textHash: textHash, in: directory)
        try record.check(tokens: tokens, in: directory)
        try ModelDirectory.check(tokenizer, belongsTo: record.config, in: directory)
        if let checkpoint = try store.latest() {
            let weights = try SafetensorsFile(path: checkpoint.path(of: "model.safetensors"))
            trainer = Trainer(
                try Transformer(record.config, from: weights), tokens: tokens, plan: record.plan)
            try trainer.restore(from: checkpoint)
        } else {
            trainer = Trainer(try Self.firstModel(record), tokens: tokens, plan: record.plan)
        }
        repairs = store.damaged.map { "passed over a damaged checkpoint: \($0)" }
        try repairModel(record.config, tokenizer)
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

    /// Writes a checkpoint of the present step and links its weights into the model's directory.
    ///
    /// - Throws: `FileError`; earlier checkpoints are intact then.
    public func save() throws {
        try store.save(step: trainer.step) {
            try trainer.write(to: $0, weights: "model.safetensors")
        }
    }

    private static func firstModel(_ record: TrainingRecord) throws -> Transformer {
        try Transformer(record.config, from: ParameterSource(seed: record.plan.seed))
    }
}
