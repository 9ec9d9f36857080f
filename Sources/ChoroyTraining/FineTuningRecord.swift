public import ChoroyModel
internal import ChoroySystem

/// What a fine-tuning run is: the content of `training/plan.json`. A run is resumed with the same base,
/// tokenizer and data only.
public struct FineTuningRecord: Sendable, Equatable {
    /// What is trained.
    public enum Method: Sendable, Equatable {
        /// Every parameter of the model.
        case full
        /// An adapter; the model is frozen in the form it has.
        case lora(AdapterConfig)

        public var name: String {
            switch self {
            case .full: "full"
            case .lora: "lora"
            }
        }
    }

    public var plan: TrainingPlan
    public var method: Method
    /// Validations in a row without a better one after which the run ends; 0 for never.
    public var patience: Int
    /// Hash of the base's weights.
    public var baseHash: String
    public var tokenizerHash: String
    /// SHA-256 of the conversations to learn from, and of those to be judged by.
    public var dataHash: String

    public init(
        plan: TrainingPlan, method: Method, patience: Int, baseHash: String, tokenizerHash: String,
        dataHash: String
    ) {
        self.plan = plan
        self.method = method
        self.patience = patience
        self.baseHash = baseHash
        self.tokenizerHash = tokenizerHash
        self.dataHash = dataHash
    }

    /// The record of the run in `directory`.
    ///
    /// - Throws: `FileError` when its file is missing or damaged, or is of another kind of run.
    public init(of directory: String) throws {
        let path = Self.path(in: directory)
        let json = try JSONReader.parse(FileBytes.read(path, limit: 1 << 20), path: path)
        func text(_ key: String) throws -> String {
            guard let text = json[key]?.string else {
                throw FileError(
                    path, at: key, expected: "a fine-tuning run",
                    found: json["text_sha256"] == nil ? "no such key" : "one of choroy train")
            }
            return text
        }
        let method: Method
        switch try text("method") {
        case "full": method = .full
        case "lora":
            method = .lora(try AdapterConfig(json: json["adapter"] ?? .null, path: path))
        case let name:
            throw FileError(path, at: "method", expected: "lora or full", found: name)
        }
        guard let patience = json["patience"]?.integer, patience >= 0 else {
            throw FileError(path, at: "patience", expected: "0 or more", found: "none")
        }
        self.init(
            plan: try TrainingPlan(json: json["plan"] ?? .null, path: path), method: method,
            patience: patience, baseHash: try text("base_xxh64"),
            tokenizerHash: try text("tokenizer_sha256"), dataHash: try text("data_sha256"))
    }

    /// Tells whether base, tokenizer and data are those that the run began with.
    ///
    /// - Throws: `FileError` for the first that is another one.
    public func check(
        baseHash: String, tokenizerHash: String, dataHash: String, in directory: String
    )
        throws
    {
        for (key, words, wanted, found) in [
            ("base_xxh64", "model", self.baseHash, baseHash),
            ("tokenizer_sha256", "tokenizer", self.tokenizerHash, tokenizerHash),
            ("data_sha256", "data", self.dataHash, dataHash),
        ] where wanted != found {
            throw FileError(
                Self.path(in: directory), at: key,
                expected: "the \(words) that the run began with, \(wanted.prefix(12))…",
                found: "another, \(found.prefix(12))…")
        }
    }

    func write(to directory: String) throws {
        var members: [(key: String, value: JSONValue)] = [
            ("method", .string(method.name)), ("plan", plan.json), ("patience", .integer(patience)),
            ("base_xxh64", .string(baseHash)), ("tokenizer_sha256", .string(tokenizerHash)),
            ("data_sha256", .string(dataHash)),
        ]
        if case .lora(let config) = method { members.append(("adapter", config.json)) }
        try AtomicFile.write(
            JSONWriter.bytes(.object(JSONObject(members)), indentation: 2) + [10],
            to: Self.path(in: directory))
    }

    private static func path(in directory: String) -> String {
        FilePath.join(directory, "training/plan.json")
    }
}
