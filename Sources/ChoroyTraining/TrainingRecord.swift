public import ChoroyModel
internal import ChoroySystem
internal import ChoroyText

/// What a run is, beside its text and tokenizer: the content of `training/plan.json`. A run is
/// resumed with the same only.
public struct TrainingRecord: Sendable, Equatable {
    public var plan: TrainingPlan
    public var config: TransformerConfig
    /// SHA-256 of all the text.
    public var textHash: String
    /// The model whose weights the run began with; nil for one that began with random ones.
    public var base: Base?

    /// Weights that a run begins with.
    public struct Base: Sendable, Equatable {
        /// The directory of the model.
        public var path: String
        /// SHA-256 of its `model.safetensors`.
        public var weightsHash: String

        public init(path: String, weightsHash: String) {
            self.path = path
            self.weightsHash = weightsHash
        }

        /// The weights of the model in the directory `path`.
        public init(of path: String) throws {
            var hash = SHA256()
            try FileBytes.forEachPiece(of: Self.weights(in: path)) { hash.update($0) }
            self.init(path: path, weightsHash: hash.finalize())
        }

        /// The model, when its weights are still those.
        func model(_ config: TransformerConfig) throws -> Transformer {
            let found = try Base(of: path).weightsHash
            guard found == weightsHash else {
                throw FileError(
                    Self.weights(in: path),
                    expected: "the weights that the run began with, \(weightsHash.prefix(12))…",
                    found: "others, \(found.prefix(12))…")
            }
            return try Transformer(config, from: SafetensorsFile(path: Self.weights(in: path)))
        }

        private static func weights(in path: String) -> String {
            FilePath.join(path, "model.safetensors")
        }
    }

    public init(
        plan: TrainingPlan, config: TransformerConfig, textHash: String, base: Base? = nil
    ) {
        self.plan = plan
        self.config = config
        self.textHash = textHash
        self.base = base
    }

    /// Whether the directory of a run has a record.
    public static func exists(in directory: String) -> Bool {
        FilePath.kind(of: path(in: directory)) == .file
    }

    /// The record of the run in `directory`.
    ///
    /// - Throws: `FileError` when its file is missing or damaged.
    public init(of directory: String) throws {
        let path = Self.path(in: directory)
        let json = try JSONReader.parse(FileBytes.read(path, limit: 1 << 20), path: path)
        guard let plan = json["plan"], let model = json["model"],
            let textHash = json["text_sha256"]?.string
        else {
            throw FileError(path, expected: "plan, model and text_sha256", found: json.kind)
        }
        self.init(
            plan: try TrainingPlan(json: plan, path: path),
            config: try TransformerConfig(json: model, path: path), textHash: textHash)
        if let from = json["from"] {
            guard let directory = from["path"]?.string, let hash = from["weights_sha256"]?.string
            else {
                throw FileError(
                    path, at: "from", expected: "path and weights_sha256", found: from.kind)
            }
            base = Base(path: directory, weightsHash: hash)
        }
        guard self.plan.context <= config.maxPositionEmbeddings else {
            throw FileError(
                path, at: "context",
                expected: "at most max_position_embeddings, \(config.maxPositionEmbeddings)",
                found: "\(self.plan.context)")
        }
    }

    /// Tells whether `textHash` is the text that the run began with.
    ///
    /// - Throws: `FileError` when it is another.
    public func check(textHash found: String, in directory: String) throws {
        guard found == textHash else {
            throw FileError(
                Self.path(in: directory), at: "text_sha256",
                expected: "the text that the run began with, \(textHash.prefix(12))…",
                found: "another, \(found.prefix(12))…")
        }
    }

    /// Tells whether the plan and the model can work on `tokens`.
    ///
    /// - Throws: `FileError` when there are too few of them, or one that the model does not have.
    func check(tokens: TrainingTokens, in directory: String) throws {
        let path = Self.path(in: directory)
        if let problem = PretrainingBatches.problem(tokens, context: plan.context) {
            throw FileError(
                path, at: "context", expected: "fewer than the text's \(problem.tokens) tokens",
                found: "\(plan.context)")
        }
        if let largest = tokens.largest, largest >= config.vocabSize {
            throw FileError(
                path, at: "vocab_size", expected: "more than the text's largest token, \(largest)",
                found: "\(config.vocabSize)")
        }
    }

    func write(to directory: String) throws {
        var json = JSONObject([
            ("plan", plan.json), ("model", config.json), ("text_sha256", .string(textHash)),
        ])
        if let base {
            let from = JSONObject([
                ("path", .string(base.path)), ("weights_sha256", .string(base.weightsHash)),
            ])
            json.append("from", .object(from))
        }
        try AtomicFile.write(
            JSONWriter.bytes(.object(json), indentation: 2) + [10], to: Self.path(in: directory))
    }

    private static func path(in directory: String) -> String {
        FilePath.join(directory, "training/plan.json")
    }
}
