import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining
import TestSupport
import Testing

@Suite struct `Chat examples` {
    static let tokenizer = Tokenizer()

    static func conversation(_ turns: String...) -> Conversation {
        Conversation(
            turns.enumerated().map { index, text in
                Message(role: index % 2 == 0 ? .user : .assistant, content: text)
            })
    }

    static func example(_ conversation: Conversation, context: Int = 256) -> ChatExample? {
        ChatExample(conversation, template: .chatML, encoding: tokenizer, context: context)
    }

    /// The targets as text.
    static func said(_ example: ChatExample) -> String {
        String(decoding: tokenizer.decode(example.targets.filter { $0 >= 0 }), as: UTF8.self)
    }

    @Test func `learn the assistant's words and the ends of its turns only`() throws {
        let example = try #require(Self.example(Self.conversation("a", "bc", "d", "e", "f")))
        #expect(Self.said(example) == "bc<|im_end|>e<|im_end|>")
        #expect(example.targetCount == 5 && !example.isShortened)
        // What follows the last answer teaches nothing and is not read.
        let text = String(decoding: Self.tokenizer.decode(example.tokens), as: UTF8.self)
        #expect(text.hasSuffix("<|im_start|>assistant\ne<|im_end|>"))
        #expect(Array(example.inputs) == Array(example.tokens.dropLast()))
        for (place, target) in example.targets.enumerated() where target >= 0 {
            #expect(target == example.tokens[place + 1])
        }
    }

    @Test func `that are too long lose turns from their end, at a border where there is one`()
        throws
    {
        let conversation = Self.conversation("a", "bcd", "e", "fgh")
        let whole = try #require(Self.example(conversation))
        let first = try #require(Self.example(Self.conversation("a", "bcd")))
        for context in 1...whole.length + 1 {
            let example = Self.example(conversation, context: context)
            if context >= whole.length {
                #expect(example == whole)
            } else if context >= first.length {
                #expect(example?.tokens == first.tokens && example?.isShortened == true)
            } else if context >= first.length - 3 {
                // Inside of the only answer: some of its words, and no end.
                let example = try #require(example)
                #expect(example.length == context && example.isShortened)
                #expect("bcd".hasPrefix(Self.said(example)) && !Self.said(example).isEmpty)
            } else {
                #expect(example == nil)
            }
        }
    }

    @Test func `are read from files, with what there is to say about them`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let lines = (0..<40).map {
                #"{"prompt": "q\#($0)", "completion": "\#(String(repeating: "a", count: 2 * $0))"}"#
            }
            let text =
                lines.joined(separator: "\n") + "\n"
                + #"{"instruction": "\#(String(repeating: "long", count: 40))", "output": "b"}"#
            let path = FilePath.join(directory, "f.jsonl")
            try AtomicFile.write(Array(text.utf8), to: path)
            let data = try ChatExamples(
                at: [directory], template: .chatML, encoding: Self.tokenizer, context: 64)
            #expect(data.conversations == 41 && data.turns == 82 && data.leftOut == 1)
            #expect(data.examples.count == 40)
            #expect(data.shortened == data.examples.count(where: \.isShortened))
            #expect(data.shortened > 0)
            #expect(data.layouts.map(\.layout) == [.promptCompletion, .alpaca])
            #expect(data.layouts.map(\.count) == [40, 1])
            #expect(data.question == [Message(role: .user, content: "q0")])
            #expect(data.split.training.count == 36 && data.split.validation.count == 4)
            let other = try ChatExamples(
                at: [path], template: .chatML, encoding: Self.tokenizer, context: 32)
            #expect(other.hash == data.hash)
            #expect(throws: FileError.self) {
                try ChatExamples(
                    at: [path], template: .chatML, encoding: Self.tokenizer, context: 8)
            }
        }
    }
}

@Suite struct `Chat batches` {
    static let examples = (0..<23).compactMap { index in
        `Chat examples`.example(
            `Chat examples`.conversation(
                "question \(index)", String(repeating: "x", count: 1 + index % 7) + "\(index)"))
    }

    static func batches(_ size: Int = 4, limit: Int = 100, seed: UInt64 = 3) -> ChatBatches {
        ChatBatches(examples, batchSize: size, microBatchTokens: limit, seed: seed)
    }

    @Test func `hold each conversation once in an epoch`() {
        var batches = Self.batches(1)
        for epoch in 0..<3 {
            let seen = (0..<23).map { batches.microBatches(epoch * 23 + $0)[0].inputs }
            #expect(Set(seen).count == 23)
        }
        let orders = (0..<2).map { epoch in
            (0..<23).map { batches.microBatches(epoch * 23 + $0)[0].inputs }
        }
        #expect(orders[0] != orders[1])
    }

    @Test func `are a function of the step and the seed`() {
        func bits(_ step: Int, _ batches: inout ChatBatches) -> [[TokenID]] {
            batches.microBatches(step).flatMap {
                [$0.inputs, $0.targets, $0.lengths.map(Int32.init)]
            }
        }
        var forwards = Self.batches()
        let expected = (0..<40).map { bits($0, &forwards) }
        var backwards = Self.batches()
        for step in (0..<40).reversed() { #expect(bits(step, &backwards) == expected[step]) }
        for step in [0, 7, 39] {
            var alone = Self.batches()
            #expect(bits(step, &alone) == expected[step])
        }
        var other = Self.batches(seed: 4)
        #expect(bits(0, &other) != expected[0])
    }

    @Test(arguments: [1, 3, 23, 50]) func `know how many tokens were read before`(size: Int) {
        var batches = Self.batches(size)
        var sum = 0
        for step in 0..<60 {
            #expect(batches.tokens(before: step) == sum)
            sum += batches.microBatches(step).reduce(0) { $0 + $1.inputs.count }
        }
    }

    @Test(arguments: [1, 40, 100, 10_000]) func `come in parts of limited size`(limit: Int) {
        var batches = Self.batches(9, limit: limit)
        let parts = batches.microBatches(0)
        #expect(parts.reduce(0) { $0 + $1.lengths.count } == 9)
        #expect(parts.allSatisfy { $0.inputs.count <= limit || $0.lengths.count == 1 })
        var first = 0
        for part in parts {
            #expect(part.first == first)
            first += part.lengths.count
        }
        if limit == 1 { #expect(parts.count == 9) }
        if limit == 10_000 { #expect(parts.count == 1) }
    }

    static func model() throws -> Transformer {
        try Transformer(
            TransformerConfig(
                vocabSize: 264, hiddenSize: 32, numHiddenLayers: 2, numAttentionHeads: 2,
                numKeyValueHeads: 1, maxPositionEmbeddings: 64, initializerRange: 0.2),
            from: ParameterSource(seed: 5))
    }

    /// 1e-6: each mean is rounded to Float once.
    @Test func `packed give the weighted mean of single conversations`() throws {
        let model = try Self.model()
        let packed = ChatLoss(of: model, on: Self.examples)
        let single = Self.examples.map { ChatLoss(of: model, on: [$0]) }
        let nats = single.reduce(0) { $0 + $1.nats }
        #expect(single.reduce(0) { $0 + $1.targets } == packed.targets)
        #expect(abs(nats - packed.nats) <= 1e-6 * nats)
        // The training pass agrees: the loss of a step is the mean over its targets.
        let plan = TrainingPlan(steps: 1, context: 64, batchSize: 23)
        let losses = [60, 1_000_000].map { limit in
            Trainer(
                model, trainable: model.parameters,
                on: ChatBatches(
                    Self.examples, batchSize: 23, microBatchTokens: limit, seed: 1), plan: plan)
        }.map { trainer in
            let values = model.parameters.map(\.value.values)
            let loss = trainer.next()?.loss ?? .nan
            #expect(values != model.parameters.map(\.value.values))
            return loss
        }
        // 2e-6: other kernels than in scoring, and a rounded share for each part. The second trainer
        // begins where the first one's step has led, so only the first is compared.
        #expect(abs(losses[0] - packed.mean) <= 2e-6 * packed.mean)
        #expect(losses[1] < losses[0])
    }

    @Test func `teach a model what to say`() throws {
        let model = try Self.model()
        let before = ChatLoss(of: model, on: Self.examples)
        let trainer = Trainer(
            model, trainable: model.parameters,
            on: ChatBatches(Self.examples, batchSize: 8, microBatchTokens: 512, seed: 1),
            plan: TrainingPlan(steps: 60, context: 64, batchSize: 8, learningRate: 0.01))
        for _ in trainer {}
        #expect(ChatLoss(of: model, on: Self.examples).mean < before.mean / 4)
    }
}
