import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import TestSupport
import Testing

@Suite struct `Model directories` {
    private let tokenizer = Tokenizer(bytesAnd: ["<|endoftext|>"])
    private let config = TransformerConfig(
        vocabSize: 257, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, bosTokenId: 256,
        eosTokenId: [256])

    /// A complete directory, then `change`, then `body` with its path.
    private func withModel(
        _ config: TransformerConfig? = nil, change: (String) throws -> Void = { _ in },
        _ body: (String) throws -> Void
    ) throws {
        try Fixtures.withTemporaryDirectory { directory in
            try ModelDirectory.write(config ?? self.config, tokenizer: tokenizer, to: directory)
            try Safetensors.write(
                to: FilePath.join(directory, "model.safetensors"),
                tensors: [.init("w", Tensor([1], shape: [1]))])
            try change(directory)
            try body(directory)
        }
    }

    @Test func `what is written opens, tokenizer hash included`() throws {
        try withModel { directory in
            let model = try ModelDirectory(contentsOf: directory)
            #expect(model.config.tokenizerSha256 == tokenizer.hash)
            #expect(model.generation == GenerationConfig(bosTokenId: 256, eosTokenId: [256]))
            #expect(model.tokenizer.hash == tokenizer.hash)
            #expect(model.weights.names == ["w"])
        }
    }

    @Test func `without a generation config the model's own end tokens serve`() throws {
        let change: (String) throws -> Void = { directory in
            try FilePath.remove(FilePath.join(directory, "generation_config.json"))
        }
        try withModel(change: change) { directory in
            let model = try ModelDirectory(contentsOf: directory)
            #expect(model.generation.eosTokenId == [256])
        }
    }

    @Test func `an embedding may have spare rows`() throws {
        var config = config
        config.vocabSize = 320
        try withModel(config) { _ = try ModelDirectory(contentsOf: $0) }
    }

    @Test func `a tokenizer of another model is refused, by hash or by size`() throws {
        let other = Tokenizer(bytesAnd: ["<|another|>"])
        try withModel(change: { try other.save(to: $0) }) { directory in
            let error = #expect(throws: FileError.self) {
                try ModelDirectory(contentsOf: directory)
            }
            #expect(error?.found.hasPrefix("another, \(other.hash.prefix(12))") == true)
        }
        let larger = Tokenizer(bytesAnd: ["<|a|>", "<|b|>"])
        let forget: (String) throws -> Void = { directory in
            try config.write(to: FilePath.join(directory, "config.json"))
            try larger.save(to: directory)
        }
        try withModel(change: forget) { directory in
            let path = FilePath.join(directory, "tokenizer.json")
            #expect(throws: FileError(path, expected: "the model's 257 tokens", found: "258")) {
                try ModelDirectory(contentsOf: directory)
            }
        }
    }

    @Test(arguments: ["config.json", "model.safetensors", "tokenizer.json"])
    func `a missing, cut or garbled file is an error that names it`(_ name: String) throws {
        try withModel { directory in
            let path = FilePath.join(directory, name)
            let bytes = try FileBytes.read(path)
            try FilePath.remove(path)
            for content in [nil, [], Array(bytes.dropLast(3)), [0x80, 0x02] + bytes] as [[UInt8]?] {
                if let content { try AtomicFile.write(content, to: path) }
                let error = #expect(throws: FileError.self) {
                    try ModelDirectory(contentsOf: directory)
                }
                #expect(error?.path.hasPrefix(directory) == true)
                #expect(error?.description.contains(name) == true)
            }
        }
    }

    @Test func `pickles and models in several files are named`() throws {
        for (name, word) in [
            ("pytorch_model.bin", "pickle"), ("model.safetensors.index.json", "several"),
        ] {
            let change: (String) throws -> Void = { directory in
                try FilePath.rename(
                    FilePath.join(directory, "model.safetensors"),
                    to: FilePath.join(directory, name))
            }
            try withModel(change: change) { directory in
                let error = #expect(throws: FileError.self) {
                    try ModelDirectory(contentsOf: directory)
                }
                #expect(error?.found.contains(word) == true)
            }
        }
    }

    @Test(arguments: [
        ("temperature", "-1"), ("top_p", "1.5"), ("top_k", "-3"), ("top_k", "1.5"),
        ("eos_token_id", "257"), ("do_sample", "\"yes\""), ("repetition_penalty", "0"),
    ])
    func `what generation cannot use is an error that names the key`(key: String, value: String)
        throws
    {
        let change: (String) throws -> Void = { directory in
            try AtomicFile.write(
                Array("{\"\(key)\": \(value)}".utf8),
                to: FilePath.join(directory, "generation_config.json"))
        }
        try withModel(change: change) { directory in
            let error = #expect(throws: FileError.self) {
                try ModelDirectory(contentsOf: directory)
            }
            #expect(error?.place == key)
        }
    }

    @Test func `all proposals for sampling are kept`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            var config = GenerationConfig(bosTokenId: 1, eosTokenId: [2, 3])
            config.doSample = true
            config.temperature = 0.7
            config.topK = 40
            config.topP = 0.9
            config.minP = 0.05
            config.repetitionPenalty = 1.1
            config.maxNewTokens = 100
            let path = FilePath.join(directory, "generation_config.json")
            try config.write(to: path)
            #expect(try GenerationConfig(contentsOf: path) == config)
        }
    }

    @Test func `a file is no model directory`() {
        let error = FileError("/dev/null", expected: "a model directory", found: "a file")
        #expect(throws: error) { try ModelDirectory(contentsOf: "/dev/null") }
    }
}
