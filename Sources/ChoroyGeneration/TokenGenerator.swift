public import ChoroyModel
import ChoroyTensor
public import ChoroyText

/// Prompt tokens in, new tokens out, one at a time.
///
///     for token in try TokenGenerator(model, prompt: prompt, sampler: sampler, maxTokens: 100) { … }
///
/// **Longer than the context.** When the model has read `contextLength` tokens, its state starts
/// anew and reads the last `contextLength / 2` of them again; so does a prompt that is too long. Text
/// can go on for ever, and each token still sees at least half a context.
public struct TokenGenerator<Model: LanguageModel>: Sequence, IteratorProtocol {
    /// Why there are no more tokens.
    public enum End: Sendable, Equatable {
        /// The model gave one of the stop tokens; it is not part of the text.
        case stopToken(TokenID)
        case maxTokens
        case failed(SamplingError)
    }

    /// The prompt and what has been generated.
    public private(set) var tokens: [TokenID]
    /// How many of `tokens` are the prompt.
    public let promptCount: Int
    /// Set once no more tokens come.
    public private(set) var end: End?
    /// Tokens given to the model so far, those read again included.
    public private(set) var tokensRead = 0
    /// What the model thought of each new token; none unless `alternatives` is given.
    public private(set) var scores: [TokenScore] = []

    private let model: Model
    /// Draws the tokens; its random numbers have moved on with each.
    public private(set) var sampler: Sampler
    private let maxTokens: Int
    private let stopTokens: Set<TokenID>
    private let contextLength: Int
    private let chunk: Int
    private let alternatives: Int?
    /// One element; an array since that is what the model takes, and a copy would fork the state.
    private var states: [Model.State]
    /// The state has read `tokens[start ..< start + state.count]`.
    private var start = 0
    /// Logits after the last token, once all are read.
    private var logits: [Float]?

    /// A generator that continues `prompt`.
    ///
    /// `state` may have read the first tokens of the prompt already; only the others are read.
    /// `prefillChunk` is how many tokens of the prompt the model reads at a time; `alternatives` asks for
    /// `scores`, with this many of the likeliest tokens each.
    /// - Precondition: the prompt has a token; a given state has read no more than the prompt.
    public init(
        _ model: Model, prompt: [TokenID], state: Model.State? = nil, sampler: Sampler,
        maxTokens: Int = .max, stopTokens: Set<TokenID> = [], contextLength: Int? = nil,
        prefillChunk: Int = 256, alternatives: Int? = nil
    ) {
        let state = state ?? model.initialState()
        precondition(!prompt.isEmpty, "TokenGenerator: the prompt has no tokens")
        precondition(
            state.count <= prompt.count,
            "TokenGenerator: a state of \(state.count) tokens for a prompt of \(prompt.count)")
        precondition(prefillChunk > 0, "TokenGenerator: chunks of \(prefillChunk) tokens")
        precondition(
            contextLength ?? 1 > 0, "TokenGenerator: a context of \(contextLength ?? 0) tokens")
        self.model = model
        self.sampler = sampler
        self.maxTokens = maxTokens
        self.stopTokens = stopTokens
        self.contextLength = contextLength ?? .max
        chunk = prefillChunk
        self.alternatives = alternatives
        tokens = prompt
        promptCount = prompt.count
        states = [state]
        if states[0].count == prompt.count { states[0].truncate(to: prompt.count - 1) }
    }

    /// The new tokens so far.
    public var generated: ArraySlice<TokenID> { tokens[promptCount...] }

    /// What the model remembers, and which tokens that is; the last token may not be read yet.
    public var memory: (state: Model.State, tokens: ArraySlice<TokenID>) {
        (states[0], tokens[start..<start + states[0].count])
    }

    /// Reads the next chunk of what is not read; true while there is more.
    ///
    /// `step()` does this by itself. A caller that wants to show progress over a long prompt, or to
    /// stop inside it, calls this first.
    public mutating func prefill() -> Bool {
        guard logits == nil else { return false }
        if tokens.count - start > contextLength {
            start = tokens.count - Swift.max(1, contextLength / 2)
            states = [model.initialState()]
        }
        let next = start + states[0].count
        let piece = Array(tokens[next..<Swift.min(next + chunk, tokens.count)])
        let result = model.logits([piece], states: &states, at: .last)
        tokensRead += piece.count
        guard next + piece.count == tokens.count else { return true }
        logits = result.values
        return false
    }

    /// The next token, nil at the end.
    ///
    /// - Throws: `SamplingError` when the model's logits are not numbers; then the text ends.
    public mutating func step() throws(SamplingError) -> TokenID? {
        if case .failed(let error) = end { throw error }
        guard let token = next() else {
            if case .failed(let error) = end { throw error }
            return nil
        }
        return token
    }

    /// The same for `for … in`: an error ends the text and is found in `end`.
    public mutating func next() -> TokenID? {
        guard end == nil else { return nil }
        guard tokens.count - promptCount < maxTokens else {
            end = .maxTokens
            return nil
        }
        while prefill() {}
        do {
            let row = logits ?? []
            let token = try sampler.sample(row, history: tokens)
            guard !stopTokens.contains(token) else {
                end = .stopToken(token)
                return nil
            }
            if let alternatives {
                scores.append(TokenScore(of: token, in: row, alternatives: alternatives))
            }
            tokens.append(token)
            logits = nil
            return token
        } catch {
            end = .failed(error)
            return nil
        }
    }
}
