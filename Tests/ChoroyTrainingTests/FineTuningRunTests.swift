import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining
import TestSupport
import Testing

/// A base of 2 layers and width 16 in a directory, and conversations to teach it.
struct TinyFineTuning {
    static let conversations = (0..<24).map { index in
        Conversation([
            Message(role: .user, content: "bird \(index % 6)?"),
            Message(role: .assistant, content: "sings \(index % 5)."),
        ])
    }

    let directory: String
    let base: FineTuningBase
    let examples: [ChatExample]
    var record: FineTuningRecord

    init(in directory: String, method: FineTuningRecord.Method, steps: Int = 9) throws {
        self.directory = FilePath.join(directory, "run")
        let path = FilePath.join(directory, "base")
        let tokenizer = Tokenizer()
        let config = TransformerConfig(
            vocabSize: tokenizer.vocabularySize, hiddenSize: 16, numHiddenLayers: 2,
            numAttentionHeads: 2, numKeyValueHeads: 1, maxPositionEmbeddings: 64, bosTokenId: 256,
            eosTokenId: [256])
        if FilePath.kind(of: path) == .missing {
            try ModelDirectory.write(config, tokenizer: tokenizer, to: path)
            let model = try Transformer(config, from: ParameterSource(seed: 3))
            try AtomicFile.write(to: FilePath.join(path, "model.safetensors")) {
                try model.write(to: &$0)
            }
        }
        base = try FineTuningBase(at: path)
        examples = Self.conversations.compactMap {
            ChatExample($0, template: .chatML, encoding: tokenizer, context: 64)
        }
        record = FineTuningRecord(
            plan: TrainingPlan(steps: steps, context: 64, batchSize: 5, learningRate: 0.01),
            method: method, patience: 0, baseHash: base.hash, tokenizerHash: tokenizer.hash,
            dataHash: "0123")
    }

    static let lora = FineTuningRecord.Method.lora(
        AdapterConfig(
            r: 2, loraAlpha: 4, loraDropout: 0.1,
            trainableTokenIndices: [AdapterConfig.TokenRows(tokens: [257, 258])],
            baseModelNameOrPath: "base"))

    func begin() throws -> TrainingRun {
        try TrainingRun(new: directory, record, base: base, training: Array(examples[4...]))
    }

    func resume() throws -> TrainingRun {
        let record = try FineTuningRecord(of: directory)
        #expect(record == self.record)
        return try TrainingRun(
            resuming: directory, record, base: base, training: Array(examples[4...]))
    }

    /// Steps with a validation after each third; `false` leaves the last one unsaved.
    func train(_ run: TrainingRun, steps: Int = .max, saves: Bool = true) throws {
        for _ in 0..<steps {
            guard !run.isOver, let report = run.trainer.next() else { break }
            if report.step % 3 == 0 {
                _ = run.note(
                    validationLoss: ChatLoss(of: run.trainer.model, on: Array(examples[..<4])).mean)
            }
            if saves { try run.save() }
        }
    }

    func hashes() throws -> [String: String] {
        var hashes: [String: String] = [:]
        let training = FilePath.join(directory, "training")
        let newest = try #require(try FilePath.list(training).last { $0.hasPrefix("step-") })
        for folder in [directory, FilePath.join(training, newest)] {
            for name in try FilePath.list(folder) {
                let path = FilePath.join(folder, name)
                if FilePath.kind(of: path) == .file {
                    hashes[String(path.dropFirst(directory.utf8.count))] = TinyRun.hash(path)
                }
            }
        }
        return hashes
    }
}

@Suite(.serialized) struct `Fine-tuning run` {
    static let methods = [FineTuningRecord.Method.full, TinyFineTuning.lora]

    @Test(arguments: methods)
    func `that is opened again ends like one never stopped`(method: FineTuningRecord.Method) throws
    {
        let expected = try Fixtures.withTemporaryDirectory { directory in
            let tiny = try TinyFineTuning(in: directory, method: method)
            try tiny.train(try tiny.begin())
            return try tiny.hashes()
        }
        #expect(expected.count >= 10)
        for stops in [[1], [3], [4, 1], [2, 2, 2]] {
            try Fixtures.withTemporaryDirectory { directory in
                let tiny = try TinyFineTuning(in: directory, method: method)
                try tiny.train(try tiny.begin(), steps: stops[0])
                for steps in stops.dropFirst() { try tiny.train(try tiny.resume(), steps: steps) }
                // Steps that a kill left without a checkpoint are done again.
                try tiny.train(try tiny.resume(), steps: 2, saves: false)
                try tiny.train(try tiny.resume())
                #expect(try tiny.hashes() == expected, "\(stops)")
            }
        }
    }

    @Test(arguments: methods)
    func `publishes the best by validation`(method: FineTuningRecord.Method) throws {
        try Fixtures.withTemporaryDirectory { directory in
            var tiny = try TinyFineTuning(in: directory, method: method)
            tiny.record.patience = 2
            try tiny.begin().save()
            var values: [[[Float]]] = []
            // One step and one validation in a process of its own, as it were.
            func validate(_ loss: Double) throws -> (isBest: Bool, waiting: Int, isOver: Bool) {
                let run = try tiny.resume()
                _ = run.trainer.next()
                values.append(run.trainer.trainable.map(\.value.values))
                let isBest = run.note(validationLoss: loss)
                try run.save()
                return (isBest, run.waiting, run.isOver)
            }
            #expect(try validate(3) == (true, 0, false))
            #expect(try validate(.nan) == (false, 1, false))
            #expect(try validate(2) == (true, 0, false))
            #expect(try validate(2) == (false, 1, false))
            #expect(try validate(2.5) == (false, 2, true))
            let last = try tiny.resume()
            #expect(last.isOver && last.best?.step == 3 && last.best?.loss == 2)
            try last.takeBest()
            #expect(last.trainer.trainable.map(\.value.values) == values[2])
            let name = method == .full ? "model.safetensors" : "adapter_model.safetensors"
            let file = try SafetensorsFile(path: FilePath.join(tiny.directory, name))
            for (parameter, expected) in zip(last.trainer.trainable, values[2]) {
                #expect(try file.floats(parameter.name) == expected)
            }
        }
    }

    @Test(arguments: methods)
    func `leaves what Hugging Face's libraries open`(method: FineTuningRecord.Method) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let tiny = try TinyFineTuning(in: directory, method: method, steps: 1)
            let run = try tiny.begin()
            try tiny.train(run)
            func json(_ name: String) throws -> JSONValue {
                let path = FilePath.join(tiny.directory, name)
                return try JSONReader.parse(FileBytes.read(path), path: path)
            }
            let tokenizer = try json("tokenizer_config.json")
            #expect(tokenizer["chat_template"]?.string?.contains("<|im_start|>") == true)
            #expect(tokenizer["eos_token"] == .string("<|im_end|>"))
            let generation = try json("generation_config.json")
            #expect(generation["eos_token_id"] == .array([.integer(258), .integer(256)]))
            #expect(try Tokenizer(contentsOf: tiny.directory).hash == tiny.base.tokenizer.hash)
            if method == .full {
                let opened = try ModelDirectory(contentsOf: tiny.directory)
                let model = try Transformer(opened.config, from: opened.weights)
                #expect(
                    ChatLoss(of: model, on: tiny.examples)
                        == ChatLoss(of: run.trainer.model, on: tiny.examples))
            } else {
                let base = try Transformer(
                    tiny.base.config, from: tiny.base.directory.weights, isFrozen: true)
                let model = try base.attaching(Adapter(contentsOf: tiny.directory))
                #expect(
                    ChatLoss(of: model, on: tiny.examples)
                        == ChatLoss(of: run.trainer.model, on: tiny.examples))
            }
        }
    }

    @Test func `with an adapter leaves the base as it is`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let tiny = try TinyFineTuning(in: directory, method: TinyFineTuning.lora)
            let run = try tiny.begin()
            let before = run.trainer.model.parameters.map(\.value.values)
            try tiny.train(run, steps: 3, saves: false)
            #expect(run.trainer.model.parameters.map(\.value.values) == before)
            let rows = try #require(run.trainer.trainable.first { $0.shape == [2, 16] })
            #expect(rows.version == 3)
        }
    }

    @Test func `of another base or other data is refused`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let tiny = try TinyFineTuning(in: directory, method: .full)
            let run = try tiny.begin()
            try run.save()
            let record = try FineTuningRecord(of: tiny.directory)
            let hashes = [record.baseHash, record.tokenizerHash, record.dataHash]
            func check(_ hashes: [String]) throws {
                try record.check(
                    baseHash: hashes[0], tokenizerHash: hashes[1], dataHash: hashes[2],
                    in: tiny.directory)
            }
            try check(hashes)
            for place in 0..<3 {
                var other = hashes
                other[place] = "f"
                #expect(throws: FileError.self) { try check(other) }
            }
            #expect(throws: FileError.self) { try tiny.begin() }
        }
    }
}
