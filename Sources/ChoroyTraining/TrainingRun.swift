public import ChoroyModel
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
    /// Lines about checkpoints that were found damaged and passed over.
    public var damaged: [String] { store.damaged }
    private let store: CheckpointStore

    /// What a run is made of beside the plan; a run is resumed with the same only.
    public struct Ingredients: Sendable {
        public var config: TransformerConfig
        /// SHA-256 of the training text and of the validation text.
        public var textHash: String
        public var seed: UInt64

        public init(config: TransformerConfig, textHash: String, seed: UInt64) {
            self.config = config
            self.textHash = textHash
            self.seed = seed
        }
    }

    /// A new run: writes everything but weights into `directory`.
    ///
    /// - Throws: `FileError` when the directory has a run already or cannot be written.
    public init(
        new directory: String, _ ingredients: Ingredients, plan: TrainingPlan, model: Transformer,
        tokenizer: Tokenizer, tokens: [TokenID]
    ) throws {
        self.directory = directory
        store = try CheckpointStore(directory: directory)
        if let step = try store.steps().last {
            throw FileError(
                directory, expected: "a new directory, or --resume",
                found: "a training run at step \(step)")
        }
        try ModelDirectory.write(model.config, tokenizer: tokenizer, to: directory)
        let contents = JSONObject([
            ("plan", plan.json), ("model", model.config.json),
            ("text_sha256", .string(ingredients.textHash)),
            ("seed", .string(String(ingredients.seed))),
        ])
        try AtomicFile.write(
            JSONWriter.bytes(.object(contents), indentation: 2) + [10],
            to: Self.planPath(directory))
        trainer = Trainer(model, tokens: tokens, plan: plan)
    }

    /// Opens the run in `directory` at its newest whole checkpoint, or at its start.
    ///
    /// - Throws: `FileError` when the text is another one or the run's files are damaged.
    public init(resuming directory: String, textHash: String, tokens: [TokenID]) throws {
        self.directory = directory
        store = try CheckpointStore(directory: directory)
        let path = Self.planPath(directory)
        let contents = try JSONReader.parse(FileBytes.read(path, limit: 1 << 20), path: path)
        guard contents["text_sha256"]?.string == textHash else {
            throw FileError(
                path, at: "text_sha256",
                expected:
                    "the text that the run began with (\(contents["text_sha256"]?.string?.prefix(12) ?? "none")…)",
                found: "\(textHash.prefix(12))…")
        }
        guard let planJSON = contents["plan"], let modelJSON = contents["model"] else {
            throw FileError(path, expected: "plan and model", found: "a file without them")
        }
        let plan = try TrainingPlan(json: planJSON, path: path)
        let config = try TransformerConfig(json: modelJSON, path: path)
        if let checkpoint = try store.latest() {
            let weights = try SafetensorsFile(path: checkpoint.path(of: "model.safetensors"))
            trainer = Trainer(try Transformer(config, from: weights), tokens: tokens, plan: plan)
            try trainer.restore(from: checkpoint)
        } else {
            guard let seed = contents["seed"]?.string.flatMap({ UInt64($0) }) else {
                throw FileError(path, at: "seed", expected: "a whole number", found: "none")
            }
            let model = try Transformer(config, from: ParameterSource(seed: seed))
            trainer = Trainer(model, tokens: tokens, plan: plan)
        }
    }

    /// Whether `directory` has a run that can be opened.
    public static func exists(in directory: String) -> Bool {
        FilePath.kind(of: planPath(directory)) == .file
    }

    /// Writes a checkpoint of the present step and links its weights into the model's directory.
    ///
    /// - Throws: `FileError`; earlier checkpoints are intact then.
    public func save() throws {
        try store.save(step: trainer.step) { try trainer.write(to: $0) }
    }

    private static func planPath(_ directory: String) -> String {
        FilePath.join(directory, "training/plan.json")
    }
}

extension TrainingRun {
    /// Plan and model of the run in `directory`.
    ///
    /// - Throws: `FileError` when its `training/plan.json` is damaged.
    public static func contents(of directory: String) throws -> (TrainingPlan, TransformerConfig) {
        let path = FilePath.join(directory, "training/plan.json")
        let contents = try JSONReader.parse(FileBytes.read(path, limit: 1 << 20), path: path)
        guard let plan = contents["plan"], let model = contents["model"] else {
            throw FileError(path, expected: "plan and model", found: "a file without them")
        }
        return (
            try TrainingPlan(json: plan, path: path), try TransformerConfig(json: model, path: path)
        )
    }
}
