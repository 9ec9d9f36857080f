public import ChoroyModel
public import ChoroyText

/// A conversation with a model, and what the model remembers of it.
///
///     var session = ChatSession(model, encoding: tokenizer, template: .chatML, sampler: sampler)
///     let reply = try session.reply(to: "Hello!") { event in
///         if case .text(let bytes) = event { show(bytes) }
///         return true
///     }
///
/// **A value.** A copy is a fork of the conversation that shares the model's memory so far. What the
/// model reads follows from `messages`, system prompt and limits alone, so a conversation that was
/// resumed, undone or edited goes on as one that was written that way from the start.
///
/// **Only what is new is read.** The model's state goes back to the last token that it shares with the
/// new prompt; so a turn costs its own length, not the conversation's.
///
/// **Longer than the context.** The oldest turns leave a full context and the system prompt stays
/// (`ContextWindow`). A reply that is longer than what is left goes on as `TokenGenerator` does.
public struct ChatSession<Model: LanguageModel> {
    public typealias Event = ChatEvent
    public typealias Reply = ChatReply

    public private(set) var model: Model
    public let encoding: any TextEncoding
    public let template: ChatTemplate
    /// Draws the replies; its random numbers go on from turn to turn.
    public private(set) var sampler: Sampler
    /// Tokens the model can see at once, nil without limit.
    public let contextLength: Int?
    /// The longest reply in tokens.
    public var maxTokens: Int
    /// How many alternatives each token of a reply comes with; nil for no scores at all.
    public var alternatives: Int?

    /// A message and the tokens it is written with.
    private struct Turn {
        var message: Message
        var tokens: [TokenID]
    }

    /// What a text begins with for this model; a conversation is a text.
    private let start: [TokenID]
    /// Where the model starts to write.
    private let opening: [TokenID]
    private var systemTurn: Turn?
    private var turns: [Turn] = []
    /// The model's state and the tokens it has read.
    private var memory: (state: Model.State, tokens: [TokenID])?
    private let stopTokens: Set<TokenID>

    public init(
        _ model: Model, encoding: any TextEncoding, template: ChatTemplate, system: String? = nil,
        messages: [Message] = [], sampler: Sampler, maxTokens: Int = 512,
        contextLength: Int? = nil, startOfText: TokenID? = nil, endOfText: Set<TokenID> = []
    ) {
        self.model = model
        self.encoding = encoding
        self.template = template
        self.sampler = sampler
        self.maxTokens = maxTokens
        self.contextLength = contextLength
        start = startOfText.map { [$0] } ?? []
        opening = Self.tokens([], template, encoding, opens: true)
        let specials =
            template.stopTokens
            + template.segments([], addGenerationPrompt: true).compactMap(\.segment.special)
        stopTokens = Set(specials.compactMap { encoding.id(ofSpecial: $0) } + endOfText)
        self.system = system
        self.messages = messages
    }

    // MARK: The conversation

    /// The conversation without the system prompt, from its beginning.
    public var messages: [Message] {
        get { turns.map(\.message) }
        set {
            let same = zip(turns, newValue).prefix { $0.message == $1 }.count
            turns.removeSubrange(same...)
            turns += newValue[same...].map(turn)
        }
    }

    /// What the model is told before the conversation; nil for nothing.
    public var system: String? {
        get { systemTurn?.message.content }
        set { systemTurn = newValue.map { turn(Message(role: .system, content: $0)) } }
    }

    /// What the user has said, oldest first.
    public var userMessages: [String] {
        turns.lazy.map(\.message).filter { $0.role == .user }.map(\.content)
    }

    /// How many of the oldest messages no longer fit the context.
    public var forgottenCount: Int { firstTurn(of: turns) }

    /// Forgets all messages; the system prompt stays.
    public mutating func clear() { turns = [] }

    /// Takes back the user's last message and what followed; gives that message.
    @discardableResult
    public mutating func undo() -> String? {
        guard let place = turns.lastIndex(where: { $0.message.role == .user }) else { return nil }
        let text = turns[place].message.content
        turns.removeSubrange(place...)
        return text
    }

    /// Draws replies in another way; the same seed goes on with its random numbers.
    public mutating func setSampling(_ parameters: SamplingParameters) throws(SamplingError) {
        var next = try Sampler(parameters)
        if parameters.seed == sampler.parameters.seed { next.random = sampler.random }
        sampler = next
    }

    /// Goes on with another model of the same vocabulary, which has read nothing yet.
    public mutating func replaceModel(_ model: Model) {
        self.model = model
        memory = nil
    }

    // MARK: Replies

    /// Adds what the user says and the model's reply to the conversation.
    ///
    /// `body` sees each event and returns false to stop the reply; what was shown by then stays in
    /// the conversation, also when `body` throws. A reply that ends before its first character leaves
    /// the conversation as it was.
    /// - Throws: `ChatError` when the message does not fit the context, `SamplingError`, and what
    ///   `body` throws.
    @discardableResult
    public mutating func reply(to text: String, _ body: (Event) throws -> Bool) throws -> Reply {
        try reply(after: turns + [turn(Message(role: .user, content: text))], body)
    }

    /// Answers the user's last message again, in the place of the reply there is.
    @discardableResult
    public mutating func regenerate(_ body: (Event) throws -> Bool) throws -> Reply {
        guard let place = turns.lastIndex(where: { $0.message.role == .user }) else {
            throw ChatError.noMessage(nil, count: 0)
        }
        return try reply(after: Array(turns[...place]), body)
    }

    /// Goes back to the user's message with this number (from 1), says `text` instead, and has the
    /// model reply to it.
    @discardableResult
    public mutating func edit(
        _ number: Int, to text: String, _ body: (Event) throws -> Bool
    ) throws -> Reply {
        let places = turns.indices.filter { turns[$0].message.role == .user }
        guard 1...max(1, places.count) ~= number, !places.isEmpty else {
            throw ChatError.noMessage(number, count: places.count)
        }
        let question = turn(Message(role: .user, content: text))
        return try reply(after: turns[..<places[number - 1]] + [question], body)
    }

    /// The model's reply to the last of `question`; both become the conversation unless it is empty.
    private mutating func reply(after question: [Turn], _ body: (Event) throws -> Bool) throws
        -> Reply
    {
        let first = firstTurn(of: question)
        let prompt = try prompt(for: question[first...])
        var generator = TokenGenerator(
            model, prompt: prompt, state: takeState(for: prompt), sampler: sampler,
            maxTokens: maxTokens, stopTokens: stopTokens, contextLength: contextLength,
            alternatives: alternatives)
        var stream = ReplyStream(stopStrings: template.stopStrings)
        let known = generator.memory.tokens.count
        var end = Reply.End.interrupted
        defer {
            sampler = generator.sampler
            let memory = generator.memory
            self.memory = (memory.state, Array(memory.tokens))
            if !stream.text.isEmpty {
                let text = String(decoding: stream.text, as: UTF8.self)
                turns = question + [turn(Message(role: .assistant, content: text))]
            }
        }

        func makeReply() -> Reply {
            let before = firstTurn(of: question.dropLast())
            return Reply(
                text: String(decoding: stream.text, as: UTF8.self), end: end,
                tokens: tokens(of: generator, bytes: stream.count),
                tokenCount: generator.generated.count, promptTokensRead: prompt.count - known,
                promptTokens: prompt.count, forgottenMessages: first - before)
        }

        var isReading = true
        while isReading {
            isReading = generator.prefill()
            let read = Event.reading(generator.tokensRead, of: prompt.count - known)
            guard try body(read) else { return makeReply() }
        }
        while stream.stop == nil {
            guard let token = try generator.step() else {
                end = generator.end == .maxTokens ? .maxTokens : .finished
                break
            }
            let bytes = encoding.bytes(of: token)
            let scored = GeneratedToken(id: token, bytes: bytes, score: generator.scores.last)
            let piece = stream.append(bytes)
            guard try body(.token(scored)), try body(.text(piece)) else { return makeReply() }
        }
        if stream.stop != nil { end = .finished }
        let rest = stream.finish()
        if !rest.isEmpty { _ = try body(.text(rest)) }
        return makeReply()
    }

    /// The tokens that wrote the first `count` bytes.
    private func tokens(of generator: TokenGenerator<Model>, bytes count: Int) -> [GeneratedToken] {
        var left = count
        var tokens: [GeneratedToken] = []
        for (place, id) in generator.generated.enumerated() {
            guard left > 0 else { break }
            let bytes = Array(encoding.bytes(of: id).prefix(left))
            let score = place < generator.scores.count ? generator.scores[place] : nil
            tokens.append(GeneratedToken(id: id, bytes: bytes, score: score))
            left -= bytes.count
        }
        return tokens
    }

    // MARK: Messages as tokens

    private func turn(_ message: Message) -> Turn {
        Turn(message: message, tokens: Self.tokens([message], template, encoding))
    }

    private static func tokens(
        _ messages: [Message], _ template: ChatTemplate, _ encoding: some TextEncoding,
        opens: Bool = false
    ) -> [TokenID] {
        template.render(messages, with: encoding, addGenerationPrompt: opens).tokens
    }

    private var fixedCount: Int { start.count + (systemTurn?.tokens.count ?? 0) + opening.count }

    private func firstTurn(of turns: [Turn]) -> Int {
        let window = ContextWindow(
            contextLength: contextLength, maxTokens: maxTokens, fixed: fixedCount)
        return window.start(of: turns.map { ($0.message.role, $0.tokens.count) })
    }

    /// What the model reads before it replies to the last of `turns`.
    private func prompt(for turns: ArraySlice<Turn>) throws(ChatError) -> [TokenID] {
        if let contextLength, let question = turns.last {
            let count = fixedCount + question.tokens.count
            guard count < contextLength else {
                throw .messageTooLong(tokens: count, contextLength: contextLength)
            }
        }
        let prompt = start + (systemTurn?.tokens ?? []) + turns.flatMap(\.tokens) + opening
        guard !prompt.isEmpty else { throw .nothingToRead }
        return prompt
    }

    /// The state for a prompt: as much as it shares with what has been read.
    private mutating func takeState(for prompt: [TokenID]) -> Model.State? {
        guard let known = memory else { return nil }
        // Not held here while the generator changes it: a second owner would mean a copy.
        memory = nil
        var state = known.state
        let common = zip(known.tokens, prompt).prefix { $0 == $1 }.count
        if common < state.count { state.truncate(to: common) }
        return state
    }
}
