import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import TestSupport
import Testing

@Suite struct `Llama Transformer` {
    static let golden = FilePath.join(Fixtures.packageRoot, "Tests/ChoroyModelTests/Golden")

    static func load(_ directory: String) throws -> Transformer {
        let config = try TransformerConfig(
            contentsOf: FilePath.join(directory, "config.json"))
        return try Transformer(
            config, from: SafetensorsFile(path: FilePath.join(directory, "model.safetensors")))
    }

    /// A small model of random weights with grouped heads and an odd width.
    static func random(context: Int = 256) throws -> Transformer {
        try Transformer(
            TransformerConfig(
                vocabSize: 67, hiddenSize: 48, intermediateSize: 84, numHiddenLayers: 2,
                numAttentionHeads: 6, numKeyValueHeads: 2, headDim: 10,
                maxPositionEmbeddings: context, initializerRange: 0.2),
            from: ParameterSource(seed: 5))
    }

    static let tokens: [TokenID] = (0..<200).map { TokenID(($0 * 31 + $0 * $0 * 7) % 67) }

    func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    /// 1e-4: float32 here and in transformers, a few hundred rounded sums deep.
    @Test(arguments: ["llama-1", "llama-2", "llama-3"])
    func `logits equal those of transformers`(_ name: String) throws {
        let directory = FilePath.join(Self.golden, name)
        let model = try Self.load(directory)
        let golden = try JSONReader.parse(
            FileBytes.read(FilePath.join(directory, "logits.json")), path: name)
        for prompt in try #require(golden["prompts"]?.array) {
            let tokens = try #require(prompt["input_ids"]?.array).map { TokenID($0.integer ?? -1) }
            let expected = try #require(prompt["logits"]?.array).flatMap {
                ($0.array ?? []).map { Float($0.double ?? .nan) }
            }
            var states = [model.initialState()]
            let logits = model.logits([tokens], states: &states, at: .all)
            #expect(largestDifference(logits.values, expected) <= 1e-4)
            // The training path runs through other kernels.
            let pass = ForwardPass.training(lengths: [tokens.count])
            let trained = linear(model.hidden(tokens, pass), model.lmHead, recording: true)
            #expect(largestDifference(trained.values, expected) <= 1e-4)
        }
    }

    @Test(arguments: [1, 2, 7, 63, 64, 65, 199])
    func `reading in chunks gives the same bits as reading at once`(_ chunk: Int) throws {
        let model = try Self.random()
        var whole = [model.initialState()]
        let expected = model.logits([Self.tokens], states: &whole, at: .all).values
        var states = [model.initialState()]
        var found: [Float] = []
        for start in stride(from: 0, to: Self.tokens.count, by: chunk) {
            let piece = Array(Self.tokens[start..<min(start + chunk, Self.tokens.count)])
            found += model.logits([piece], states: &states, at: .all).values
        }
        #expect(found == expected)
        #expect(states[0].count == Self.tokens.count)
    }

    @Test func `sequences read together get the bits they get alone`() throws {
        let model = try Self.random()
        let texts = [1, 70, 5, 130].map { Array(Self.tokens[$0..<min(200, $0 * 2)]) }
        var states = texts.map { _ in model.initialState() }
        let together = model.logits(texts, states: &states, at: .last)
        for (index, text) in texts.enumerated() {
            var alone = [model.initialState()]
            #expect(
                model.logits([text], states: &alone, at: .last).values == together.row(index))
        }
    }

    @Test func `training and inference differ by rounding only`() throws {
        let model = try Self.random()
        let pass = ForwardPass.training(lengths: [120, 80])
        let trained = linear(model.hidden(Self.tokens, pass), model.lmHead, recording: true)
        var states = [model.initialState(), model.initialState()]
        let scored = model.logits(
            [Array(Self.tokens[..<120]), Array(Self.tokens[120...])], states: &states, at: .all)
        #expect(largestDifference(trained.values, scored.values) <= 1e-5)
    }

    @Test func `logits do not depend on what follows`() throws {
        let model = try Self.random()
        var a = [model.initialState()]
        var b = [model.initialState()]
        var changed = Self.tokens
        changed[150] = 3
        let first = model.logits([Self.tokens], states: &a, at: .all)
        let second = model.logits([changed], states: &b, at: .all)
        for t in 0..<150 { #expect(first.row(t) == second.row(t)) }
        #expect(first.row(150) != second.row(150))
    }

    @Test(arguments: [0, 1, 63, 64, 100, 128])
    func `truncating then reading equals never having read`(_ kept: Int) throws {
        let model = try Self.random()
        var states = [model.initialState()]
        _ = model.logits([Self.tokens], states: &states, at: .last)
        states[0].truncate(to: kept)
        #expect(states[0].count == kept)
        let after = model.logits([[5, 6, 7]], states: &states, at: .all)
        var fresh = [model.initialState()]
        let expected = model.logits(
            [Array(Self.tokens[..<kept]) + [5, 6, 7]], states: &fresh, at: .all)
        #expect(after.values == (0..<3).flatMap { expected.row(kept + $0) })
    }

    @Test func `a fork does not disturb the state it came from`() throws {
        let model = try Self.random()
        var states = [model.initialState()]
        _ = model.logits([Array(Self.tokens[..<100])], states: &states, at: .last)
        var fork = states
        _ = model.logits([[1, 2, 3]], states: &fork, at: .last)
        let after = model.logits([[9]], states: &states, at: .last)
        var fresh = [model.initialState()]
        let expected = model.logits(
            [Array(Self.tokens[..<100]) + [9]], states: &fresh, at: .last)
        #expect(after.values == expected.values)
    }

    @Test(.enabled(if: Fixtures.shared("models/stories260K/hf") != nil, sharedDataIsAbsent))
    func `a real model continues a story as it should`() throws {
        let directory = try #require(Fixtures.shared("models/stories260K/hf"))
        let model = try Self.load(directory)
        let path = try #require(Fixtures.shared("models/stories260K/golden.json"))
        let golden = try JSONReader.parse(FileBytes.read(path), path: path)
        let greedy = try #require(golden["greedy_ids_200"]?.array)
            .map { TokenID($0.integer ?? -1) }
        var states = [model.initialState()]
        var token: TokenID = 1
        var found: [TokenID] = []
        for _ in 0..<64 {
            let row = model.logits([[token]], states: &states, at: .last).values
            token = TokenID(row.indices.max { row[$0] < row[$1] } ?? 0)
            found.append(token)
        }
        let start = greedy.first == 1 ? 1 : 0
        #expect(found == Array(greedy[start..<start + 64]))
    }

    @Test func `a missing, a misshapen and a strange tensor are named`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "model.safetensors")
            let model = try Self.random()
            var entries = model.parameters.map { Safetensors.Entry($0.name, $0.value) }
            entries.append(.init("model.extra", shape: [1], values: [0]))
            try Safetensors.write(to: path, tensors: entries)
            #expect(throws: FileError.self) {
                try Transformer(model.config, from: SafetensorsFile(path: path))
            }
            try Safetensors.write(to: path, tensors: Array(entries.dropLast(2)))
            let missing = #expect(throws: FileError.self) {
                try Transformer(model.config, from: SafetensorsFile(path: path))
            }
            #expect(missing?.place == "tensor model.norm.weight")
            var config = model.config
            config.vocabSize = 66
            try Safetensors.write(to: path, tensors: Array(entries.dropLast()))
            let misshapen = #expect(throws: FileError.self) {
                try Transformer(config, from: SafetensorsFile(path: path))
            }
            #expect(misshapen?.found == "[67, 48]")
        }
    }
}
