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
/// **Only what is new is read.** Each turn keeps the tokens the model read or wrote, and the model's
/// state goes back to the last token it shares with the new prompt; so a turn costs its own length,
/// not the conversation's.
///
/// **Longer than the context.** When a prompt leaves less than a quarter of the context (or
/// `maxTokens`) for the reply, the oldest turns leave until the rest fills at most half of it; the
/// system prompt stays. A reply that is longer than what is left goes on as `TokenGenerator` does.
public struct ChatSession<Model: LanguageModel> {
    public let model: Model
    public let encoding: any TextEncoding
    public let template: ChatTemplate
    /// Draws the replies; its random numbers go on from turn to turn.
    public private(set) var sampler: Sampler
    /// Tokens the model can see at once, nil without limit.
    public let contextLength: Int?
    /// The longest reply in tokens.
    public var maxTokens: Int

    /// A message and the tokens it is written with.
    private struct Turn {
        var message: Message
        var tokens: [TokenID]
    }

    /// What a text begins with for this model; a conversation is a text.
    private let start: [TokenID]
    private var system: Turn?
    private var turns: [Turn] = []
    /// The model's state and the tokens it has read.
    private var memory: (state: Model.State, tokens: [TokenID])?
    private let stopTokens: Set<TokenID>
    private let form: ReplyForm

    public init(
        _ model: Model, encoding: any TextEncoding, template: ChatTemplate, system: String? = nil,
        sampler: Sampler, maxTokens: Int = 512, contextLength: Int? = nil,
        startOfText: TokenID? = nil, endOfText: Set<TokenID> = []
    ) {
        self.model = model
        self.encoding = encoding
        self.template = template
        self.sampler = sampler
        self.maxTokens = maxTokens
        self.contextLength = contextLength
        start = startOfText.map { [$0] } ?? []
        form = ReplyForm(template)
        let specials = template.stopTokens + form.opening.compactMap(\.special)
        stopTokens = Set(
            specials.compactMap { encoding.id(ofSpecial: $0) } + endOfText)
        self.system = system.map { turn(Message(role: .system, content: $0)) }
    }

    /// The conversation as the model sees it: turns that no longer fit have left.
    public var messages: [Message] { ((system.map { [$0] } ?? []) + turns).map(\.message) }

    /// Forgets all turns; the system prompt stays.
    public mutating func clear() { turns = [] }

    /// What happens while a reply is made.
    public enum Event: Sendable, Equatable {
        /// The model has read this many of the tokens that were new in the prompt.
        case reading(Int, of: Int)
        /// One more token, and the piece of the reply that can be shown now: whole characters, as
        /// bytes (see `TextStream`); often empty.
        case text([UInt8])
    }

    public struct Reply: Sendable, Equatable {
        public enum End: Sendable { case finished, maxTokens, interrupted }

        public var text: String
        public var end: End
        /// Tokens the model wrote.
        public var tokenCount: Int
        /// Tokens of the prompt that the model had to read, and of how many.
        public var promptTokensRead: Int
        public var promptTokens: Int
        /// How many of the oldest messages left to make room.
        public var forgottenMessages: Int
    }

    /// Adds what the user says and the model's reply to the conversation.
    ///
    /// `body` sees each event and returns false to stop the reply; what was shown by then stays in
    /// the conversation, also when `body` throws. A reply stopped before its first character leaves
    /// the conversation as it was.
    /// - Throws: `ChatError` when the message does not fit the context, `SamplingError`, and what
    ///   `body` throws.
    @discardableResult
    public mutating func reply(to text: String, _ body: (Event) throws -> Bool) throws -> Reply {
        let question = turn(Message(role: .user, content: text))
        let forgotten = try makeRoom(for: question)
        let prompt =
            start + (system?.tokens ?? []) + turns.flatMap(\.tokens) + question.tokens
            + tokens(form.opening)
        guard !prompt.isEmpty else { throw ChatError.nothingToRead }

        var generator = TokenGenerator(
            model, prompt: prompt, state: takeState(for: prompt), sampler: sampler,
            maxTokens: maxTokens, stopTokens: stopTokens, contextLength: contextLength)
        var stream = ReplyStream(stopStrings: template.stopStrings)
        let known = generator.memory.tokens.count
        var end = Reply.End.interrupted
        defer {
            sampler = generator.sampler
            let memory = generator.memory
            self.memory = (memory.state, Array(memory.tokens))
            if !stream.text.isEmpty { add(question, stream, generator.generated) }
        }

        func makeReply() -> Reply {
            Reply(
                text: String(decoding: stream.text, as: UTF8.self), end: end,
                tokenCount: generator.generated.count, promptTokensRead: prompt.count - known,
                promptTokens: prompt.count, forgottenMessages: forgotten)
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
            let piece = stream.append(encoding.bytes(of: token))
            guard try body(.text(piece)) else { return makeReply() }
        }
        if stream.stop != nil { end = .finished }
        let rest = stream.finish()
        if !rest.isEmpty { _ = try body(.text(rest)) }
        return makeReply()
    }

    // MARK: Turns as tokens

    private func turn(_ message: Message) -> Turn {
        Turn(message: message, tokens: tokens(template.segments([message]).map(\.segment)))
    }

    private func tokens(_ segments: [ChatTemplate.Segment]) -> [TokenID] {
        template.tokens(segments, with: encoding)
    }

    /// The question and its answer join the conversation, the answer with the tokens that wrote it.
    private mutating func add(
        _ question: Turn, _ stream: ReplyStream, _ generated: ArraySlice<TokenID>
    ) {
        // Tokens that wrote what the stream gave out; a token cut by a stop string is written anew.
        var kept: [TokenID] = []
        var left = stream.count
        for token in generated {
            let bytes = encoding.bytes(of: token)
            guard bytes.count <= left else {
                kept += encoding.encode(Array(bytes[..<left]))
                break
            }
            kept.append(token)
            left -= bytes.count
        }
        let text = String(decoding: stream.text, as: UTF8.self)
        turns.append(question)
        turns.append(
            Turn(
                message: Message(role: .assistant, content: text),
                tokens: tokens(form.opening) + kept + tokens(form.closing)))
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

    /// Lets the oldest turns leave when the question and a reply do not fit; gives how many left.
    private mutating func makeRoom(for question: Turn) throws -> Int {
        guard let contextLength else { return 0 }
        let fixed =
            start.count + (system?.tokens.count ?? 0) + question.tokens.count
            + tokens(form.opening).count
        guard fixed < contextLength else {
            throw ChatError.messageTooLong(tokens: fixed, contextLength: contextLength)
        }
        var used = fixed + turns.reduce(0) { $0 + $1.tokens.count }
        guard used + min(maxTokens, contextLength / 4) > contextLength else { return 0 }
        var leaving = 0
        while leaving < turns.count,
            used > contextLength / 2 || turns[leaving].message.role == .assistant
        {
            used -= turns[leaving].tokens.count
            leaving += 1
        }
        turns.removeFirst(leaving)
        return leaving
    }
}

/// Why a chat cannot take a message.
public enum ChatError: Error, Equatable, CustomStringConvertible {
    case messageTooLong(tokens: Int, contextLength: Int)
    case nothingToRead

    public var description: String {
        switch self {
        case .messageTooLong(let tokens, let length):
            "message: expected fewer than \(length) tokens with the system prompt, found \(tokens)"
        case .nothingToRead: "message: expected text that the model's vocabulary knows, found none"
        }
    }
}
