import ChoroyModel
import ChoroySystem
import TestSupport
import Testing

@Suite struct `Transformer config` {
    /// A small legal file with some members replaced; nil takes one away.
    private func config(_ changes: [String: String?] = [:]) throws -> TransformerConfig {
        var members: [String: String?] = [
            "model_type": "\"llama\"", "vocab_size": "512", "hidden_size": "64",
            "intermediate_size": "176", "num_hidden_layers": "2", "num_attention_heads": "4",
        ]
        for (key, value) in changes { members.updateValue(value, forKey: key) }
        let text =
            "{"
            + members.compactMap { key, value in value.map { "\"\(key)\":\($0)" } }.joined(
                separator: ",") + "}"
        return try TransformerConfig(
            json: try JSONReader.parse(Array(text.utf8), path: "config.json"), path: "config.json")
    }

    @Test func `keys left out have the defaults of Hugging Face`() throws {
        let config = try config()
        #expect(config.numKeyValueHeads == 4)
        #expect(config.headDim == 16)
        #expect(config.maxPositionEmbeddings == 2048)
        #expect(config.rmsNormEps == 1e-6)
        #expect(config.ropeTheta == 10000)
        #expect(!config.tieWordEmbeddings)
        #expect(config.eosTokenId == [] && config.bosTokenId == nil)
    }

    @Test(arguments: [
        #"{"rope_theta":5000.0,"rope_type":"default"}"#, #"{"type":"default","rope_theta":5000}"#,
    ])
    func `both spellings of the rotary base are read`(_ parameters: String) throws {
        #expect(try config(["rope_theta": "5000"]).ropeTheta == 5000)
        #expect(try config(["rope_parameters": parameters]).ropeTheta == 5000)
        #expect(try config(["rope_scaling": parameters, "rope_theta": "5e3"]).ropeTheta == 5000)
        #expect(try config(["rope_theta": "5000", "rope_scaling": "null"]).ropeTheta == 5000)
    }

    @Test func `end tokens are a number, a list or null`() throws {
        #expect(try config(["eos_token_id": "7"]).eosTokenId == [7])
        #expect(try config(["eos_token_id": "[7,8]"]).eosTokenId == [7, 8])
        #expect(try config(["eos_token_id": "null"]).eosTokenId == [])
    }

    @Test(arguments: [
        ("model_type", "\"gpt2\"", "gpt2"), ("hidden_act", "\"gelu\"", "gelu"),
        ("attention_bias", "true", "true"), ("mlp_bias", "true", "true"),
        ("rope_scaling", #"{"rope_type":"llama3","factor":8.0}"#, "llama3"),
        ("rope_scaling", #"{"type":"linear","factor":2.0}"#, "linear"),
        ("rope_parameters", #"{"rope_type":"yarn","rope_theta":1e4}"#, "yarn"),
        ("quantization_config", #"{"bits":4}"#, "no such key"),
        ("num_attention_heads", "3", "divisor of hidden_size 64, found 3"),
        ("num_key_value_heads", "3", "divisor of num_attention_heads 4, found 3"),
        ("head_dim", "15", "an even number, found 15"), ("head_dim", "0", "found 0"),
        ("hidden_size", "-64", "found -64"), ("num_attention_heads", "0", "found 0"),
        ("num_attention_heads", "-9223372036854775808", "found -9223372036854775808"),
        ("num_key_value_heads", "0", "found 0"), ("num_hidden_layers", "0", "found 0"),
        ("vocab_size", "9223372036854775807", "found 9223372036854775807"),
        ("intermediate_size", "4294967296", "found 4294967296"),
        ("hidden_size", "64.0", "an integer, found 64.0"),
        ("hidden_size", "\"64\"", "an integer, found \"64\""), ("vocab_size", "null", "an integer"),
        ("vocab_size", "99999999999999999999", "an integer"),
        ("max_position_embeddings", "0", "found 0"), ("rms_norm_eps", "0", "found 0"),
        ("rms_norm_eps", "-1e-5", "found -1e-05"), ("rope_theta", "0", "found 0"),
        ("rope_theta", "1e300", "found 1e+300"), ("bos_token_id", "512", "below vocab_size 512"),
        ("eos_token_id", "[1,-1]", "found -1"), ("eos_token_id", "\"</s>\"", "found \"</s>\""),
        ("tie_word_embeddings", "1", "true or false, found 1"),
        ("tokenizer_sha256", "5", "a string, found 5"),
    ])
    func `what cannot be is an error that names key and value`(
        key: String, value: String, words: String
    )
        throws
    {
        let error = #expect(throws: FileError.self) { try config([key: value]) }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("config.json, \(key)") && text.contains(words), "\(text)")
    }

    @Test(arguments: [
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads",
    ])
    func `a missing size is an error that names the key`(_ key: String) throws {
        let error = FileError("config.json", at: key, expected: "an integer", found: "no such key")
        #expect(throws: error) { try config([key: nil]) }
    }

    @Test func `two bases that differ are an error`() throws {
        #expect(throws: FileError.self) {
            try config(["rope_theta": "1e4", "rope_parameters": #"{"rope_theta":2e4}"#])
        }
    }

    @Test func `what is written is read`() throws {
        let config = TransformerConfig(
            vocabSize: 300, hiddenSize: 96, numHiddenLayers: 3, numAttentionHeads: 6,
            numKeyValueHeads: 2, headDim: 32, maxPositionEmbeddings: 77, rmsNormEps: 3e-6,
            ropeTheta: 12345.5, tieWordEmbeddings: false, initializerRange: 0.03, bosTokenId: 256,
            eosTokenId: [256, 258], tokenizerSha256: "ab")
        #expect(config.intermediateSize == 256)
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "config.json")
            try config.write(to: path)
            #expect(try TransformerConfig(contentsOf: path) == config)
        }
    }

    @Test func `the number of parameters is the sum over the tensors`() {
        // V·D + L·(q, k, v, o + gate, up, down + two norms) + final norm, by hand.
        var config = TransformerConfig(
            vocabSize: 10, hiddenSize: 4, intermediateSize: 6, numHiddenLayers: 2,
            numAttentionHeads: 2, numKeyValueHeads: 1)
        #expect(config.parameterCount == 40 + 2 * (16 + 8 + 8 + 16 + 72 + 8) + 4)
        config.tieWordEmbeddings = false
        #expect(config.parameterCount == 80 + 2 * (16 + 8 + 8 + 16 + 72 + 8) + 4)
    }

    @Test(
        .enabled(if: Fixtures.shared("models") != nil, sharedDataIsAbsent),
        arguments: ["tiny-llama", "stories260K/hf"])
    func `the number of parameters is that of the file`(_ model: String) throws {
        let directory = try #require(Fixtures.shared("models/\(model)"))
        let config = try TransformerConfig(contentsOf: FilePath.join(directory, "config.json"))
        let file = try SafetensorsFile(path: FilePath.join(directory, "model.safetensors"))
        let count = file.header.tensors.reduce(0) { $0 + $1.count }
        #expect(config.parameterCount == count)
    }
}
