import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import TestSupport
import Testing

@Suite struct `Model in bytes` {
    static let config = TransformerConfig(
        vocabSize: 67, hiddenSize: 48, intermediateSize: 84, numHiddenLayers: 2,
        numAttentionHeads: 6, numKeyValueHeads: 2, headDim: 10, maxPositionEmbeddings: 256,
        initializerRange: 0.2)

    static func write(_ model: Transformer, to directory: String) throws -> SafetensorsFile {
        let path = FilePath.join(directory, "model.safetensors")
        try AtomicFile.write(to: path) { try model.write(to: &$0) }
        return try SafetensorsFile(path: path)
    }

    static func logits(_ model: Transformer, chunk: Int = 200) -> [UInt32] {
        var states = [model.initialState()]
        let tokens = `Llama Transformer`.tokens
        return stride(from: 0, to: tokens.count, by: chunk).flatMap { first in
            model.logits(
                [Array(tokens[first..<min(tokens.count, first + chunk)])], states: &states, at: .all
            ).values.map(\.bitPattern)
        }
    }

    @Test(arguments: [true, false])
    func `saved and loaded it gives the same bits`(_ isTied: Bool) throws {
        try Fixtures.withTemporaryDirectory { directory in
            var config = Self.config
            config.tieWordEmbeddings = isTied
            let float = try Transformer(config, from: ParameterSource(seed: 5))
            let source = try Self.write(float, to: directory)
            let made = try Transformer(quantizing: source, config)
            #expect(made.config.quantizationConfig == .int8)
            let file = try Self.write(made, to: directory)
            let loaded = try Transformer(made.config, from: file)
            #expect(Self.logits(loaded) == Self.logits(made))
            // From the seed the same numbers, never in floats as a whole.
            let drawn = try Transformer(config, from: ParameterSource(seed: 5, form: .int8))
            #expect(Self.logits(drawn) == Self.logits(made))
            for (name, matrix) in loaded.matrices {
                #expect(file.info(name)?.dtype == "I8")
                #expect(file.info("\(name)_scale")?.shape == [matrix.outputs, 1])
            }
            #expect(loaded.matrices.count == (isTied ? 15 : 16))
            #expect(loaded.parameters.count == 5)
        }
    }

    @Test func `pieces of a text give the bits of the whole`() throws {
        let model = try Transformer(Self.config, from: ParameterSource(seed: 5, form: .int8))
        let whole = Self.logits(model)
        for chunk in [1, 3, 64] { #expect(Self.logits(model, chunk: chunk) == whole) }
    }

    @Test func `its configuration opens again`() throws {
        var config = Self.config
        config.quantizationConfig = .int8
        #expect(try TransformerConfig(json: config.json, path: "config.json") == config)
    }

    @Test(arguments: [
        (#"{"quant_method":"gptq","bits":4}"#, "quant_method", "gptq"),
        (#"{"quant_method":"compressed-tensors","format":"pack-quantized"}"#, "format", "pack"),
        (#"{"quant_method":"compressed-tensors","format":"int-quantized"}"#, "groups", "no such"),
        (
            #"{"quant_method":"compressed-tensors","format":"int-quantized","config_groups":{"a":{"weights":{"num_bits":4}}}}"#,
            "config_groups.a.weights.num_bits", "found 4"
        ), ("3", "quant_method", "no such key"),
    ])
    func `another quantization is an error that names the key`(
        _ text: String, _ key: String, _ found: String
    ) throws {
        var members = try #require(Self.config.json.object).members
        members.append(
            ("quantization_config", try JSONReader.parse(Array(text.utf8), path: "test")))
        let error = #expect(throws: FileError.self) {
            try TransformerConfig(json: .object(JSONObject(members)), path: "config.json")
        }
        #expect(error?.description.contains(key) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains(found) == true, "\(error?.description ?? "")")
    }

    /// A file whose tensors `change` has seen, opened as a model in bytes.
    private func error(
        quantized: Bool = true, _ change: (inout [(String, Tensor?, Int8Matrix?)]) -> Void
    ) throws -> FileError? {
        try Fixtures.withTemporaryDirectory { directory in
            let model = try Transformer(Self.config, from: ParameterSource(seed: 5, form: .int8))
            var tensors: [(String, Tensor?, Int8Matrix?)] = model.parameters.map {
                ($0.name, $0.value, nil)
            }
            for (name, matrix) in model.matrices {
                tensors.append(
                    ("\(name)_scale", Tensor(matrix.scales, shape: [matrix.outputs, 1]), nil))
                tensors.append((name, nil, matrix))
            }
            change(&tensors)
            let path = FilePath.join(directory, "model.safetensors")
            try Safetensors.write(
                to: path,
                tensors: tensors.map { name, tensor, matrix in
                    matrix.map { .init(name, $0) } ?? .init(name, tensor ?? Tensor([], shape: [0]))
                })
            var config = Self.config
            config.quantizationConfig = quantized ? .int8 : nil
            do {
                _ = try Transformer(config, from: SafetensorsFile(path: path))
                return nil
            } catch let error as FileError { return error }
        }
    }

    @Test func `the file as it is has no error`() throws { #expect(try error { _ in } == nil) }

    @Test func `bytes without a quantization_config are an error`() throws {
        let error = try error(quantized: false) { _ in }
        #expect(error?.description.contains("quantization_config") == true)
    }

    @Test(arguments: [Float.nan, -1, .infinity, -.infinity])
    func `what is no scale is an error`(_ value: Float) throws {
        let error = try error { tensors in
            for index in tensors.indices where tensors[index].0.hasSuffix("k_proj.weight_scale") {
                var scales = tensors[index].1?.values ?? []
                scales[3] = value
                tensors[index].1 = Tensor(scales, shape: [scales.count, 1])
            }
        }
        #expect(error?.place == "tensor model.layers.0.self_attn.k_proj.weight_scale, row 3")
    }

    @Test func `a missing scale and shapes that are not the model's are errors`() throws {
        let missing = try error { $0.removeAll { $0.0.hasSuffix("0.mlp.up_proj.weight_scale") } }
        #expect(missing?.place == "tensor model.layers.0.mlp.up_proj.weight_scale")
        #expect(missing?.found == "no such tensor")
        let narrow = try error { tensors in
            for index in tensors.indices where tensors[index].0.hasSuffix("0.mlp.up_proj.weight") {
                tensors[index].2 = Int8Matrix(quantizing: Tensor([1, 2], shape: [1, 2]))
            }
        }
        #expect(narrow?.expected == "shape [84, 48]" && narrow?.found == "[1, 2]")
        let few = try error { tensors in
            for index in tensors.indices where tensors[index].0 == "model.embed_tokens.weight_scale"
            {
                tensors[index].1 = Tensor([1, 1], shape: [2, 1])
            }
        }
        #expect(few?.expected == "shape [67, 1]" && few?.found == "[2, 1]")
    }

    @Test func `weights that are no numbers are refused`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let model = try Transformer(Self.config, from: ParameterSource(seed: 5))
            let path = FilePath.join(directory, "model.safetensors")
            for value in [Float.nan, .infinity] {
                try Safetensors.write(
                    to: path,
                    tensors: model.parameters.map { parameter in
                        var values = parameter.value.values
                        if parameter.name.hasSuffix("1.mlp.down_proj.weight") {
                            values[84 * 2 + 5] = value
                        }
                        return .init(parameter.name, shape: parameter.shape, values: values)
                    })
                let error = #expect(throws: FileError.self) {
                    try Transformer(quantizing: SafetensorsFile(path: path), Self.config)
                }
                #expect(error?.place == "tensor model.layers.1.mlp.down_proj.weight, row 2")
            }
        }
    }

    @Test func `a comparison of a model with itself finds no difference`() throws {
        let model = try Transformer(Self.config, from: ParameterSource(seed: 5))
        let text = EvaluationText(
            tokens: `Llama Transformer`.tokens,
            byteCounts: `Llama Transformer`.tokens.map { _ in 1 })
        let same = ModelComparison(model, model, on: [text], context: 64)
        #expect(same.tokens == 199 && same.bytes == 199)
        #expect(same.agreement == 1 && same.meanDivergence == 0)
        let bits = Evaluation.evaluate(
            model, on: [text], convention: .rolling(context: 64), startToken: nil
        ).bitsPerByte
        #expect(abs(same.bitsPerByte.original - bits) < 1e-9)
        let bytes = try Transformer(Self.config, from: ParameterSource(seed: 5, form: .int8))
        let changed = ModelComparison(model, bytes, on: [text], context: 64)
        // Random weights of deviation 0.2 give logits of all sizes.
        #expect(changed.meanDivergence > 0 && changed.meanDivergence < 0.01)
        #expect(changed.divergence(share: 0.5) <= changed.divergence(share: 0.99))
        #expect(changed.divergence(share: 1) == changed.divergences.last)
    }
}
