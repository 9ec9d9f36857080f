import ChoroyGeneration
import ChoroyText
import Testing

@Suite struct `Generating tokens` {
    @Test func `a prompt is continued`() throws {
        let model = ToyModel.successor(10)
        let generator = TokenGenerator(
            model, prompt: [7], sampler: try Sampler(.greedy), maxTokens: 5)
        #expect(Array(generator) == [8, 9, 0, 1, 2])
        // The last token is not read: nobody asked what follows it.
        #expect(model.meter.tokensRead == 5)
    }

    @Test func `a stop token ends the text and is not part of it`() throws {
        var generator = TokenGenerator(
            ToyModel.successor(10), prompt: [7], sampler: try Sampler(.greedy), stopTokens: [1])
        var tokens: [TokenID] = []
        while let token = try generator.step() { tokens.append(token) }
        #expect(tokens == [8, 9, 0])
        #expect(generator.end == .stopToken(1))
        #expect(generator.generated == [8, 9, 0])
        #expect(try generator.step() == nil)
    }

    @Test(arguments: [1, 2, 3, 7, 100])
    func `the prompt is read in chunks of any size`(chunk: Int) throws {
        let model = ToyModel(vocabularySize: 50) { tokens in
            // A function of everything read.
            let sum = tokens.reduce(1) { ($0 &* 31 &+ $1) & 0xFFFF }
            return (0..<50).map { Float((Int(sum) &* ($0 + 7)) % 97) / 10 }
        }
        func text(_ chunk: Int) throws -> [TokenID] {
            Array(
                TokenGenerator(
                    model, prompt: [3, 1, 4, 1, 5, 9, 2], sampler: try Sampler(), maxTokens: 20,
                    prefillChunk: chunk))
        }
        #expect(try text(chunk) == text(256))
        #expect(model.meter.longestChunk == 7)
    }

    @Test func `a state that has read the prompt saves reading it`() throws {
        let model = ToyModel.successor(10)
        var first = TokenGenerator(
            model, prompt: [1, 2, 3], sampler: try Sampler(.greedy), maxTokens: 2)
        while try first.step() != nil {}
        #expect(first.memory.tokens == [1, 2, 3, 4])
        let before = model.meter.tokensRead
        var second = TokenGenerator(
            model, prompt: first.tokens + [7], state: first.memory.state,
            sampler: try Sampler(.greedy), maxTokens: 1)
        #expect(try second.step() == 8)
        #expect(model.meter.tokensRead - before == 2)
        #expect(second.tokensRead == 2)
        // All read: the last one is read again, since its logits are needed.
        var third = TokenGenerator(
            model, prompt: Array(second.memory.tokens), state: second.memory.state,
            sampler: try Sampler(.greedy), maxTokens: 1)
        #expect(try third.step() == 8)
        #expect(third.tokensRead == 1)
    }

    @Test(arguments: [1, 2, 5, 8])
    func `text longer than the context goes on`(contextLength: Int) throws {
        let model = ToyModel.successor(10)
        var generator = TokenGenerator(
            model, prompt: [0, 1, 2, 3, 4, 5, 6], sampler: try Sampler(.greedy), maxTokens: 100,
            contextLength: contextLength)
        var tokens: [TokenID] = []
        while let token = try generator.step() { tokens.append(token) }
        #expect(tokens == (7..<107).map { $0 % 10 })
        #expect(model.meter.longestState <= contextLength)
    }

    @Test func `half of a full context is read again`() throws {
        let model = ToyModel.successor(10)
        var generator = TokenGenerator(
            model, prompt: [0, 1, 2, 3, 4, 5, 6, 7], sampler: try Sampler(.greedy), maxTokens: 2,
            contextLength: 8)
        _ = try generator.step()
        #expect(generator.tokensRead == 8)
        _ = try generator.step()
        #expect(generator.tokensRead == 8 + 4)
        #expect(generator.memory.tokens == [5, 6, 7, 8])
    }

    @Test func `an error ends the text and is told`() throws {
        let model = ToyModel(vocabularySize: 3) { $0.count < 3 ? [0, 9, 0] : [0, .nan, 0] }
        var generator = TokenGenerator(model, prompt: [0], sampler: try Sampler(.greedy))
        #expect(try generator.step() == 1)
        #expect(try generator.step() == 1)
        #expect(throws: SamplingError.self) { try generator.step() }
        #expect(throws: SamplingError.self) { try generator.step() }
        #expect(generator.next() == nil)
        #expect(generator.generated == [1, 1])
    }

    @Test func `an empty prompt is the caller's mistake`() async {
        await #expect(processExitsWith: .failure) {
            _ = TokenGenerator(ToyModel.successor(3), prompt: [], sampler: try Sampler())
        }
    }
}
