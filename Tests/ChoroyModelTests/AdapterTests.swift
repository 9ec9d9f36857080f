import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import TestSupport
import Testing

/// Adapters that PEFT wrote for the golden Llama models, of each kind.
@Suite struct `LoRA adapters` {
    static let kinds = ["lora", "rslora", "dora", "tokens-tied", "tokens-untied"]

    struct Golden {
        let directory: String
        let json: JSONValue
        let base: Transformer

        init(_ kind: String) throws {
            let root = FilePath.join(Fixtures.packageRoot, "Tests/ChoroyModelTests/Golden")
            directory = FilePath.join(root, "adapters/\(kind)")
            let path = FilePath.join(directory, "golden.json")
            json = try JSONReader.parse(FileBytes.read(path), path: path)
            let name = FilePath.join(root, try #require(json["base"]?.string))
            base = try Transformer(
                TransformerConfig(contentsOf: FilePath.join(name, "config.json")),
                from: SafetensorsFile(path: FilePath.join(name, "model.safetensors")),
                isFrozen: true)
        }

        var tokens: [TokenID] {
            (json["input_ids"]?.array ?? []).map { TokenID($0.integer ?? -1) }
        }

        var logits: [Float] {
            (json["logits"]?.array ?? []).flatMap {
                ($0.array ?? []).map { Float($0.double ?? .nan) }
            }
        }

        func attached() throws -> Transformer {
            try base.attaching(Adapter(contentsOf: directory))
        }
    }

    static func logits(_ model: Transformer, _ tokens: [TokenID]) -> Tensor {
        var states = [model.initialState()]
        return model.logits([tokens], states: &states, at: .all)
    }

    func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? .infinity : .infinity
    }

    /// 1e-4: float32 here and there, a few hundred rounded sums deep.
    @Test(arguments: kinds)
    func `give the logits of PEFT`(_ kind: String) throws {
        let golden = try Golden(kind)
        let model = try golden.attached()
        #expect(
            largestDifference(Self.logits(model, golden.tokens).values, golden.logits) <= 1e-4)
        // The training path runs through other kernels.
        let pass = ForwardPass.training(lengths: [golden.tokens.count])
        let trained = linear(model.hidden(golden.tokens, pass), model.lmHead, recording: true)
        #expect(largestDifference(trained.values, golden.logits) <= 1e-4)
        #expect(
            largestDifference(Self.logits(golden.base, golden.tokens).values, golden.logits) > 0.1)
    }

    /// 1e-5: the same sums in another order. "rslora" scales by up to 6 what is drawn wide already:
    /// there PEFT's own float32 differs by 1.6e-5 between the two, each 1.5e-5 or more from float64.
    @Test(arguments: kinds)
    func `merged into the model give what they give attached`(_ kind: String) throws {
        let golden = try Golden(kind)
        let attached = Self.logits(try golden.attached(), golden.tokens)
        let merged = try golden.base.merging(Adapter(contentsOf: golden.directory))
        #expect(
            largestDifference(Self.logits(merged, golden.tokens).values, attached.values)
                <= (kind == "rslora" ? 3e-5 : 1e-5))
        #expect(merged.parameters.map(\.name) == golden.base.parameters.map(\.name))
    }

    @Test(arguments: kinds)
    func `written and read again are the same`(_ kind: String) throws {
        let golden = try Golden(kind)
        let adapter = try Adapter(contentsOf: golden.directory)
        let expected = bits(Self.logits(try golden.base.attaching(adapter), golden.tokens))
        try Fixtures.withTemporaryDirectory { directory in
            try adapter.write(to: directory, base: golden.base)
            let again = try Adapter(contentsOf: directory)
            #expect(again.config == adapter.config)
            #expect(bits(Self.logits(try golden.base.attaching(again), golden.tokens)) == expected)
            // A base of the same sizes with other numbers.
            let other = try Transformer(
                golden.base.config, from: ParameterSource(seed: 3, isFrozen: true))
            let refused = try Adapter(contentsOf: directory)
            let error = #expect(throws: FileError.self) { _ = try other.attaching(refused) }
            #expect(error?.place == "base_model_xxh64")
        }
    }

    @Test(arguments: kinds)
    func `give a row the same bits in any company`(_ kind: String) throws {
        let golden = try Golden(kind)
        let model = try golden.attached()
        let whole = bits(Self.logits(model, golden.tokens))
        var states = [model.initialState()]
        var found: [UInt32] = []
        for token in golden.tokens {
            found += bits(model.logits([[token]], states: &states, at: .all))
        }
        #expect(found == whole)
    }

    @Test func `share the matrices of one model`() throws {
        let golden = try Golden("lora")
        let first = try golden.attached()
        let second = try golden.base.attaching(
            Adapter(AdapterConfig(r: 2, useDora: true), seed: 4))
        let base = golden.base.parameters
        for model in [first, second] {
            #expect(model.parameters.map(ObjectIdentifier.init) == base.map(ObjectIdentifier.init))
        }
        #expect(
            largestDifference(Self.logits(first, golden.tokens).values, golden.logits) <= 1e-4)
    }

    @Test(arguments: [false, true])
    func `that are new change nothing`(_ useDora: Bool) throws {
        let golden = try Golden("tokens-tied")
        let config = AdapterConfig(
            r: 3, targetModules: .allLinear, useDora: useDora,
            trainableTokenIndices: [.init(tokens: [5, 2])])
        let adapter = Adapter(config, seed: 7)
        let model = try golden.base.attaching(adapter)
        // 1e-5: DoRA multiplies by a length and divides by it.
        #expect(
            largestDifference(
                Self.logits(model, golden.tokens).values,
                Self.logits(golden.base, golden.tokens).values) <= 1e-5)
        // A uniform within 1/√32, which 0.4 and 0.6 of the range cut as they should.
        let a = try #require(
            adapter.parameters.first { $0.name.hasSuffix("up_proj.lora_A.weight") })
        #expect(a.shape == [3, 32])
        let bound = 1 / Float(32).squareRoot()
        #expect(a.value.values.allSatisfy { abs($0) <= bound })
        #expect(a.value.values.contains { abs($0) > 0.8 * bound })
        let again = Adapter(config, seed: 7)
        _ = try golden.base.attaching(again)
        #expect(
            zip(adapter.parameters, again.parameters).allSatisfy {
                $0.name == $1.name && $0.value.values == $1.value.values
            })
    }
}

func bits(_ tensor: Tensor) -> [UInt32] { tensor.values.map(\.bitPattern) }

@Suite struct `Adapter files that are wrong` {
    private static func read(_ text: String) throws -> AdapterConfig {
        try AdapterConfig(
            json: JSONReader.parse(Array(text.utf8), path: "adapter_config.json"),
            path: "adapter_config.json")
    }

    static let start = #"{"peft_type": "LORA", "target_modules": ["q_proj"]"#

    @Test func `need no more than a kind and targets`() throws {
        let config = try Self.read(Self.start + "}")
        #expect(config == AdapterConfig(targetModules: .names(["q_proj"])))
        #expect(config.targets("model.layers.0.self_attn.q_proj"))
        #expect(!config.targets("model.layers.0.self_attn.xq_proj"))
        #expect(config.scaling(of: "q_proj") == 1)
    }

    @Test(arguments: [
        ("peft_type", #"{"peft_type": "IA3", "target_modules": ["q_proj"]}"#),
        ("target_modules", #"{"peft_type": "LORA"}"#),
        ("target_modules", #"{"peft_type": "LORA", "target_modules": ".*\\.(q|v)_proj"}"#),
        ("target_modules", #"{"peft_type": "LORA", "target_modules": [3]}"#),
        ("r", start + #", "r": 0}"#), ("r", start + #", "r": -3}"#),
        ("r", start + #", "r": 1.5}"#), ("r", start + #", "r": 9223372036854775807}"#),
        ("lora_alpha", start + #", "lora_alpha": "NaN"}"#),
        ("lora_alpha", start + #", "lora_alpha": 1e300}"#),
        ("lora_dropout", start + #", "lora_dropout": 1}"#),
        ("bias", start + #", "bias": "all"}"#),
        ("task_type", start + #", "task_type": "SEQ_CLS"}"#),
        ("modules_to_save", start + #", "modules_to_save": ["lm_head"]}"#),
        ("fan_in_fan_out", start + #", "fan_in_fan_out": true}"#),
        ("layers_to_transform", start + #", "layers_to_transform": [0]}"#),
        ("lora_bias", start + #", "lora_bias": true}"#),
        ("target_parameters", start + #", "target_parameters": ["w"]}"#),
        ("alora_invocation_tokens", start + #", "alora_invocation_tokens": [1]}"#),
        ("a_feature_to_come", start + #", "a_feature_to_come": 1}"#),
        ("init_lora_weights", start + #", "init_lora_weights": "pissa"}"#),
        ("rank_pattern", start + #", "rank_pattern": {".*q_proj": 3}}"#),
        ("rank_pattern.q_proj", start + #", "rank_pattern": {"q_proj": "x"}}"#),
        ("trainable_token_indices.embed_tokens", start + #", "trainable_token_indices": [3, 3]}"#),
        ("trainable_token_indices.embed_tokens", start + #", "trainable_token_indices": [-1]}"#),
        ("trainable_token_indices", start + #", "trainable_token_indices": {"lm_head": 3}}"#),
    ])
    func `are refused with the key`(_ key: String, _ text: String) {
        let error = #expect(throws: FileError.self) { try Self.read(text) }
        #expect(error?.place == key, "\(String(describing: error))")
    }

    /// The adapter "lora" of llama-1, changed, attached to llama-1.
    private func attach(
        config: (String) -> String = { $0 },
        tensors: ([(name: String, shape: [Int], values: [Float])]) -> [(
            name: String, shape: [Int], values: [Float]
        )] = { $0 }
    ) throws -> FileError? {
        let golden = try `LoRA adapters`.Golden("lora")
        let file = try SafetensorsFile(
            path: FilePath.join(golden.directory, Adapter.weightsName))
        return try Fixtures.withTemporaryDirectory { directory in
            let text = String(
                decoding: try FileBytes.read(
                    FilePath.join(golden.directory, Adapter.configName)), as: UTF8.self)
            try AtomicFile.write(
                Array(config(text).utf8), to: FilePath.join(directory, Adapter.configName))
            let entries = try file.header.tensors.map {
                (name: $0.name, shape: $0.shape, values: try file.floats($0.name))
            }
            try Safetensors.write(
                to: FilePath.join(directory, Adapter.weightsName),
                tensors: tensors(entries).map {
                    Safetensors.Entry($0.name, shape: $0.shape, values: $0.values)
                })
            do {
                _ = try golden.base.attaching(Adapter(contentsOf: directory))
                return nil
            } catch let error as FileError {
                return error
            }
        }
    }

    @Test func `name the tensor and both shapes`() throws {
        #expect(try attach() == nil)
        let name = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"
        let missing = try attach(tensors: { $0.filter { $0.name != name } })
        #expect(missing?.place == "tensor \(name)")
        #expect(missing?.found == "no such tensor")
        let narrow = try attach(tensors: { tensors in
            tensors.map {
                $0.name == name ? (name, [31, 4], Array($0.values.prefix(124))) : $0
            }
        })
        #expect(narrow?.expected == "shape [32, 4]")
        #expect(narrow?.found == "[31, 4]")
        let spare = try attach(tensors: {
            $0 + [("base_model.model.spare.lora_A.weight", [1], [0])]
        })
        #expect(spare?.place == "tensor base_model.model.spare.lora_A.weight")
        let broken = try attach(tensors: { tensors in
            tensors.map {
                $0.name == name ? ($0.name, $0.shape, [.nan] + $0.values.dropFirst()) : $0
            }
        })
        #expect(broken?.expected == "finite numbers")
    }

    @Test(arguments: [
        (#""q_proj""#, #""q_proj", "c_attn""#, "target_modules", "c_attn"),
        (#""r": 4"#, #""r": 5"#, nil, "[4, 32]"),
        (
            #""trainable_token_indices": null"#, #""trainable_token_indices": [64]"#,
            "trainable_token_indices", "64"
        ),
        (
            #""trainable_token_indices": null"#, #""trainable_token_indices": {"wte": [1]}"#,
            "trainable_token_indices", "wte"
        ),
    ])
    func `name what the model does not have`(
        _ old: String, _ new: String, _ place: String?, _ found: String
    ) throws {
        let error = try attach(config: { $0.replacing(old, with: new) })
        if let place { #expect(error?.place == place) }
        #expect(error?.found == found, "\(String(describing: error))")
    }

    @Test(.enabled(if: Fixtures.shared("malformed/adapter") != nil, sharedDataIsAbsent))
    func `of another width are refused`() throws {
        let directory = try #require(Fixtures.shared("malformed/adapter/wrong-width"))
        let base = try `Adapter of stories260K`.base()
        let error = #expect(throws: FileError.self) {
            _ = try base.attaching(Adapter(contentsOf: directory))
        }
        #expect(error?.expected == "shape [2, 64]")
        #expect(error?.found == "[2, 96]")
    }
}
