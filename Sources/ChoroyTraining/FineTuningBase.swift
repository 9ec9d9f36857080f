public import ChoroyModel
internal import ChoroySystem
public import ChoroyTensor
public import ChoroyText

/// A model that is to be fine-tuned, and what fine-tuning makes of it.
public struct FineTuningBase: Sendable {
    public let directory: ModelDirectory
    /// xxHash of the weights' file.
    public let hash: String

    /// The model at `path`.
    ///
    /// - Throws: `FileError` when it does not open, or has no tokens for the marks of ChatML.
    public init(at path: String) throws {
        directory = try ModelDirectory(contentsOf: path)
        for mark in ["<|im_start|>", "<|im_end|>"]
        where directory.tokenizer.id(ofSpecial: mark) == nil {
            throw FileError(
                FilePath.join(path, "tokenizer.json"),
                expected: "the special tokens <|im_start|> and <|im_end|>, to write chats with",
                found: "no \(mark)")
        }
        hash = try XXHash64.hex(ofFile: directory.weights.path).hash
    }

    public var config: TransformerConfig { directory.config }
    public var tokenizer: Tokenizer { directory.tokenizer }

    /// The special tokens that mark the turns of a chat, which pretraining never saw.
    public var marks: [TokenID] {
        ["<|im_start|>", "<|im_end|>"].compactMap { tokenizer.id(ofSpecial: $0) }.sorted()
    }

    /// A model that learns.
    public struct Learner {
        public let model: Transformer
        /// What training changes.
        public let trainable: [Parameter]
    }

    /// The model as `method` trains it, from its first step.
    ///
    /// - Throws: `FileError` when a matrix that the method names is not there, or the weights are in
    ///   bytes and all of them should be trained.
    public func learner(_ method: FineTuningRecord.Method, seed: UInt64) throws -> Learner {
        switch method {
        case .full:
            let model = try Transformer(config, from: directory.weights)
            // Matrices in bytes are no parameters.
            guard model.parameters.reduce(0, { $0 + $1.count }) == config.parameterCount else {
                throw FileError(
                    directory.path, expected: "weights in floats, to train all of them",
                    found: "a quantized model; an adapter can be trained on it (lora)")
            }
            return Learner(model: model, trainable: model.parameters)
        case .lora(let adapterConfig):
            let base = try Transformer(config, from: directory.weights, isFrozen: true)
            let adapter = Adapter(adapterConfig, seed: seed)
            let model = try base.attaching(adapter)
            return Learner(model: model, trainable: adapter.parameters)
        }
    }

    /// What generation is proposed for the result: a reply ends where a turn does.
    var generation: GenerationConfig {
        var generation = directory.generation
        let end = tokenizer.id(ofSpecial: "<|im_end|>").map { [Int($0)] } ?? []
        let others = generation.eosTokenId + config.eosTokenId
        generation.eosTokenId = end
        for id in others where !generation.eosTokenId.contains(id) {
            generation.eosTokenId.append(id)
        }
        return generation
    }

    /// Writes what belongs to the result beside its weights.
    func writeFiles(_ method: FineTuningRecord.Method, to path: String) throws {
        switch method {
        case .full:
            try ModelDirectory.write(
                config, tokenizer: tokenizer, generation: generation, chatTemplate: .chatML,
                to: path)
        case .lora(let adapterConfig):
            try FilePath.createDirectory(path)
            try tokenizer.save(to: path, chatTemplate: .chatML)
            try generation.write(to: FilePath.join(path, "generation_config.json"))
            // Last, so that a directory with it has its other files too.
            try adapterConfig.write(to: FilePath.join(path, Adapter.configName))
        }
    }
}
