import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A conversation that is changed goes on exactly as one that was so from the start.
@Suite struct `Editing a conversation` {
    static let tokenizer = Tokenizer()

    /// A model whose next token depends on all tokens before it, so that no two prompts are alike.
    static let model = ToyModel(vocabularySize: 264) { tokens in
        var hash: UInt64 = 1_469_598_103_934_665_603
        for token in tokens {
            hash = (hash ^ UInt64(UInt32(bitPattern: token))) &* 1_099_511_628_211
        }
        let end = Int(tokenizer.id(ofSpecial: "<|im_end|>") ?? 0)
        return (0..<264).map { id in
            let isLetter = 97...122 ~= id
            let noise = Float((hash >> UInt64(id % 40)) % 61) / 10
            return id == end
                ? (hash % 11 == 0 && tokens.last != 10 ? 9 : -3) : isLetter ? noise : -2
        }
    }

    static func session(
        _ messages: [Message] = [], system: String? = "Be kind.", contextLength: Int? = 200,
        template: ChatTemplate = .chatML, alternatives: Int? = nil
    ) throws -> ChatSession<ToyModel> {
        var session = ChatSession(
            model, encoding: tokenizer, template: template, system: system, messages: messages,
            sampler: try Sampler(.greedy), maxTokens: 24, contextLength: contextLength)
        session.alternatives = alternatives
        return session
    }

    static func message(_ turn: Int) -> String {
        "Message \(turn) \(String(repeating: "x", count: turn % 5))"
    }

    /// What the session says next, and what a new session with the same messages says.
    static func expectSame(_ session: ChatSession<ToyModel>, _ template: ChatTemplate = .chatML)
        throws
    {
        var (old, new) = (
            session, try Self.session(session.messages, system: session.system, template: template)
        )
        #expect(old.forgottenCount == new.forgottenCount)
        let (a, b) = (
            try old.reply(to: "And?") { _ in true }, try new.reply(to: "And?") { _ in true }
        )
        #expect(a.text == b.text && !a.text.isEmpty)
        #expect(a.promptTokens == b.promptTokens && a.tokens.map(\.id) == b.tokens.map(\.id))
        #expect(a.forgottenMessages == b.forgottenMessages)
    }

    @Test(arguments: [ChatTemplate.chatML, .writtenDialogue])
    func `undo, edit, regenerate and fork give the prompt of a fresh conversation`(
        _ template: ChatTemplate
    ) throws {
        var session = try Self.session(template: template)
        var replies: [String] = []
        for turn in 0..<12 {
            replies.append(try session.reply(to: Self.message(turn)) { _ in true }.text)
            try Self.expectSame(session, template)
        }
        #expect(session.forgottenCount > 0)
        #expect(session.undo() == Self.message(11))
        #expect(session.messages.count == 22)
        try Self.expectSame(session, template)
        // The same message again has the same reply.
        #expect(try session.reply(to: Self.message(11)) { _ in true }.text == replies[11])

        #expect(try session.regenerate { _ in true }.text == replies[11])
        #expect(session.messages.count == 24)

        let fork = session
        _ = try session.edit(3, to: "Something else") { _ in true }
        #expect(session.messages.count == 6)
        #expect(session.userMessages == [Self.message(0), Self.message(1), "Something else"])
        try Self.expectSame(session, template)
        #expect(fork.messages.count == 24)
        try Self.expectSame(fork, template)
        session.messages = fork.messages
        try Self.expectSame(session, template)
    }

    @Test func `a change of the system prompt holds from the next message on`() throws {
        var session = try Self.session()
        for turn in 0..<5 { _ = try session.reply(to: Self.message(turn)) { _ in true } }
        for system in ["Be unkind.", nil, ""] {
            session.system = system
            try Self.expectSame(session)
        }
    }

    @Test func `there is nothing to change in an empty conversation`() throws {
        var session = try Self.session()
        #expect(session.undo() == nil)
        #expect(throws: ChatError.noMessage(nil, count: 0)) { try session.regenerate { _ in true } }
        #expect(throws: ChatError.noMessage(1, count: 0)) {
            try session.edit(1, to: "") { _ in true }
        }
        _ = try session.reply(to: "Hi") { _ in true }
        for number in [0, 2, -1, Int.max] {
            #expect(throws: ChatError.noMessage(number, count: 1)) {
                try session.edit(number, to: "") { _ in true }
            }
        }
    }

    @Test func `a change that is stopped at once leaves the conversation as it was`() throws {
        var session = try Self.session()
        for turn in 0..<3 { _ = try session.reply(to: Self.message(turn)) { _ in true } }
        let before = session.messages
        _ = try session.regenerate { _ in false }
        _ = try session.edit(1, to: "No") { _ in false }
        #expect(session.messages == before)
        try Self.expectSame(session)
    }

    @Test func `a long conversation that is resumed shows the model the same end of it`() throws {
        var session = try Self.session()
        for turn in 0..<40 {
            _ = try session.reply(to: Self.message(turn)) { _ in true }
            if turn % 9 == 0 { try Self.expectSame(session) }
        }
        let resumed = try Self.session(session.messages)
        #expect(resumed.forgottenCount > 60 && resumed.forgottenCount == session.forgottenCount)
    }

    @Test func `another way of sampling goes on with the random numbers of the same seed`() throws {
        var session = try Self.session()
        var parameters = SamplingParameters()
        parameters.seed = 5
        try session.setSampling(parameters)
        _ = try session.reply(to: "Hi") { _ in true }
        let state = session.sampler.random
        parameters.temperature = 1.5
        try session.setSampling(parameters)
        #expect(session.sampler.random == state && session.sampler.parameters.temperature == 1.5)
        parameters.seed = 6
        try session.setSampling(parameters)
        #expect(session.sampler.random.state == 6)
        parameters.topP = 0
        #expect(throws: SamplingError.self) { try session.setSampling(parameters) }
        #expect(session.sampler.parameters.topP == 0.95)
    }

    // MARK: Probabilities

    @Test func `tokens carry the probability that the model gives them`() throws {
        var session = try Self.session(alternatives: 5)
        var seen: [GeneratedToken] = []
        let reply = try session.reply(to: "Hi") { event in
            if case .token(let token) = event { seen.append(token) }
            return true
        }
        #expect(seen == reply.tokens && reply.tokens.count == reply.tokenCount)
        #expect(reply.tokens.flatMap(\.bytes) == Array(reply.text.utf8))

        var prompt = ChatTemplate.chatML.render(
            [Message(role: .system, content: "Be kind."), Message(role: .user, content: "Hi")],
            with: Self.tokenizer, addGenerationPrompt: true
        ).tokens
        for token in reply.tokens {
            let row = Self.model.row(prompt).map(Double.init)
            let peak = row.max() ?? 0
            let sum = row.reduce(0) { $0 + exp($1 - peak) }
            let score = try #require(token.score)
            #expect(abs(score.probability - exp(row[Int(token.id)] - peak) / sum) < 1e-12)
            let best = row.indices.sorted { (-row[$0], $0) < (-row[$1], $1) }.prefix(5)
            #expect(score.alternatives.map { Int($0.token) } == Array(best))
            for candidate in score.alternatives {
                let expected = exp(row[Int(candidate.token)] - peak) / sum
                #expect(abs(candidate.probability - expected) < 1e-12)
            }
            prompt.append(token.id)
        }
    }

    @Test func `all alternatives together have probability 1`() throws {
        var session = try Self.session(alternatives: 264)
        let reply = try session.reply(to: "Hi") { _ in true }
        for token in reply.tokens {
            let score = try #require(token.score)
            #expect(abs(score.alternatives.reduce(0) { $0 + $1.probability } - 1) < 1e-12)
        }
    }

    @Test func `nothing is scored when nobody asks`() throws {
        var session = try Self.session()
        #expect(try session.reply(to: "Hi") { _ in true }.tokens.allSatisfy { $0.score == nil })
    }
}
