import ChoroySystem
public import ChoroyText

/// A Transformer's directory in Hugging Face's form, opened and found consistent.
///
///     config.json  model.safetensors  tokenizer.json  generation_config.json (may be absent)
///
/// Nothing is computed here; `Transformer(_:from:)` makes the model of `config` and `weights`.
public struct ModelDirectory: Sendable {
    public let path: String
    public let config: TransformerConfig
    public let generation: GenerationConfig
    public let tokenizer: Tokenizer
    public let weights: SafetensorsFile

    /// - Throws: `FileError` when a file is missing or damaged, or the tokenizer is not the model's.
    public init(contentsOf path: String) throws {
        guard FilePath.kind(of: path) == .directory else {
            let found = FilePath.kind(of: path) == .missing ? "no such directory" : "a file"
            throw FileError(path, expected: "a model directory", found: found)
        }
        self.path = path
        config = try TransformerConfig(contentsOf: FilePath.join(path, "config.json"))
        let generationPath = FilePath.join(path, "generation_config.json")
        if FilePath.kind(of: generationPath) == .missing {
            generation = GenerationConfig(
                bosTokenId: config.bosTokenId, eosTokenId: config.eosTokenId)
        } else {
            generation = try GenerationConfig(contentsOf: generationPath)
            try Self.check(generation, fits: config, path: generationPath)
        }
        tokenizer = try Tokenizer(contentsOf: path)
        try Self.check(tokenizer, belongsTo: config, in: path)
        weights = try Self.weights(in: path)
    }

    /// Writes all but the weights; `config.json` gets the hash of the tokenizer. A model that was
    /// trained to chat has a chat template.
    ///
    /// - Precondition: `config.vocabSize` is not below the size of the tokenizer's vocabulary.
    public static func write(
        _ config: TransformerConfig, tokenizer: Tokenizer, generation: GenerationConfig? = nil,
        chatTemplate: ChatTemplate? = nil, to path: String
    ) throws {
        precondition(
            tokenizer.vocabularySize <= config.vocabSize,
            "\(tokenizer.vocabularySize) tokens for a vocabulary of \(config.vocabSize)")
        try FilePath.createDirectory(path)
        var config = config
        config.tokenizerSha256 = tokenizer.hash
        let generation =
            generation
            ?? GenerationConfig(bosTokenId: config.bosTokenId, eosTokenId: config.eosTokenId)
        try tokenizer.save(to: path, chatTemplate: chatTemplate)
        try generation.write(to: FilePath.join(path, "generation_config.json"))
        // Last, so that a directory with a config has its other files too.
        try config.write(to: FilePath.join(path, "config.json"))
    }

    /// Tells whether `tokenizer` is the one that the model was trained with: by the hash where the
    /// configuration has one, else by the number of tokens.
    ///
    /// - Throws: `FileError` that names what differs.
    public static func check(
        _ tokenizer: Tokenizer, belongsTo config: TransformerConfig, in path: String
    ) throws {
        let file = FilePath.join(path, "tokenizer.json")
        let size = tokenizer.vocabularySize
        if let wanted = config.tokenizerSha256 {
            let hash = tokenizer.hash
            guard hash == wanted else {
                throw FileError(
                    file, expected: "the model's own tokenizer, \(wanted.prefix(12))…",
                    found: "another, \(hash.prefix(12))…")
            }
            // An embedding may have spare rows.
            guard size <= config.vocabSize else {
                throw FileError(
                    file, expected: "at most the model's \(config.vocabSize) tokens",
                    found: "\(size)")
            }
        } else if size != config.vocabSize {
            throw FileError(
                file, expected: "the model's \(config.vocabSize) tokens", found: "\(size)")
        }
    }

    private static func check(
        _ generation: GenerationConfig, fits config: TransformerConfig, path: String
    ) throws {
        let bos = generation.bosTokenId.map { [$0] } ?? []
        for (key, ids) in [("bos_token_id", bos), ("eos_token_id", generation.eosTokenId)] {
            for id in ids where !(0..<config.vocabSize ~= id) {
                throw FileError(
                    path, at: key, expected: "an id below vocab_size \(config.vocabSize)",
                    found: "\(id)")
            }
        }
    }

    private static func weights(in path: String) throws -> SafetensorsFile {
        let file = FilePath.join(path, "model.safetensors")
        if FilePath.kind(of: file) == .missing {
            for (name, words) in [
                ("model.safetensors.index.json", "a model in several files"),
                ("pytorch_model.bin", "pytorch_model.bin, a pickle; convert it to safetensors"),
            ] where FilePath.kind(of: FilePath.join(path, name)) != .missing {
                throw FileError(path, expected: "model.safetensors", found: words)
            }
        }
        return try SafetensorsFile(path: file)
    }
}
