public import ChoroyTensor
public import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An n-gram model with back-off weights: each next token's probability from the few before it.
///
///     p(w | h) = p of the n-gram hw when the model has it, else backoff(h)·p(w | h without its first token)
///
/// The ids `0..<vocabularySize` are predicted. With an end token the model knows texts as `<s> … </s>`:
/// a sequence begins as if after `<s>`, and so does what follows the end token.
public struct NGramModel: LanguageModel, Sendable {
    public typealias State = NGramState

    public let vocabularySize: Int
    /// The token `</s>`, after which a new sequence begins; nil for texts without marks.
    public let endToken: TokenID?
    let layout: Layout
    /// Keeps what the layout points to.
    let memory: NGramMemory

    /// Where the n-grams are.
    enum Layout: Sendable {
        case fast(FastLevels)
        case packed(PackedLevels)
    }

    init(_ layout: Layout, _ memory: NGramMemory, vocabularySize: Int, endToken: TokenID?) {
        self.layout = layout
        self.memory = memory
        self.vocabularySize = vocabularySize
        self.endToken = endToken
        let unigrams = counts[0]
        precondition(
            unigrams == vocabularySize + (endToken == nil ? 0 : 1),
            "\(unigrams) unigrams for a vocabulary of \(vocabularySize)")
    }

    /// The longest n-grams the model holds.
    public var order: Int { counts.count }

    /// For each order from 1 how many n-grams the model holds.
    public var counts: [Int] {
        switch layout {
        case .fast(let levels): levels.counts
        case .packed(let levels): levels.counts
        }
    }

    /// A model of final rows.
    init(_ trie: NGramTrie, vocabularySize: Int, endToken: TokenID?) {
        let (levels, memory) = FastLevels.make(trie)
        self.init(.fast(levels), memory, vocabularySize: vocabularySize, endToken: endToken)
    }

    /// The number of `<s>`, which is never predicted; nil without an end token.
    var startToken: TokenID? { endToken == nil ? nil : TokenID(vocabularySize) }

    public var scoredAtOnce: Int { 1 << 12 }

    public func initialState() -> NGramState {
        NGramState(contexts: endToken == nil || order == 1 ? [] : [UInt32(vocabularySize)])
    }

    public func logProbabilities(_ tokens: [[TokenID]], states: inout [NGramState]) -> [[Double]] {
        precondition(
            tokens.count == states.count, "\(tokens.count) sequences, \(states.count) states")
        return tokens.indices.map { sequence in
            let tokens = tokens[sequence]
            check(tokens)
            guard tokens.count > 1 else { return [] }
            switch layout {
            case .fast(let levels): return score(levels, tokens, &states[sequence])
            case .packed(let levels): return score(levels, tokens, &states[sequence])
            }
        }
    }

    public func logits(
        _ tokens: [[TokenID]], states: inout [NGramState], at positions: Positions
    ) -> Tensor {
        precondition(
            tokens.count == states.count, "\(tokens.count) sequences, \(states.count) states")
        var contexts: [[UInt32]] = []
        for sequence in tokens.indices {
            precondition(!tokens[sequence].isEmpty, "logits: sequence \(sequence) has no token")
            check(tokens[sequence])
            let pieces: [ArraySlice<TokenID>] =
                positions == .all
                ? tokens[sequence].indices.map { tokens[sequence][$0...$0] }
                : [tokens[sequence][...]]
            for piece in pieces {
                switch layout {
                case .fast(let levels): read(levels, piece, &states[sequence])
                case .packed(let levels): read(levels, piece, &states[sequence])
                }
                contexts.append(states[sequence].contexts ?? [])
            }
        }
        let rows = contexts
        return unsafe Tensor(shape: [rows.count, vocabularySize]) { target in
            for (row, contexts) in rows.enumerated() {
                let values =
                    switch layout {
                    case .fast(let levels): distribution(levels, after: contexts)
                    case .packed(let levels): distribution(levels, after: contexts)
                    }
                for id in values.indices {
                    unsafe target[row * vocabularySize + id] = Float(Double(values[id]) * M_LN10)
                }
            }
        }
    }

    private func check(_ tokens: [TokenID]) {
        for token in tokens {
            precondition(
                token >= 0 && Int(token) < vocabularySize,
                "token \(token) of a vocabulary of \(vocabularySize)")
        }
    }

    /// Reads tokens after `state`.
    private func read<Levels: NGramLevels>(
        _ levels: Levels, _ tokens: ArraySlice<TokenID>, _ state: inout NGramState
    ) {
        defer { withExtendedLifetime(memory) {} }
        let lanes = NGramLanes(
            levels, count: 1, vocabularySize: vocabularySize, endToken: endToken)
        lanes.begin(after: state)
        lanes.read(tokens)
        state.contexts = lanes.contexts
        state.append(tokens)
    }

    /// Nats of each token but the first; all but the last are read.
    private func score<Levels: NGramLevels>(
        _ levels: Levels, _ tokens: [TokenID], _ state: inout NGramState
    ) -> [Double] {
        defer { withExtendedLifetime(memory) {} }
        let last = tokens.count - 1
        let lanes = NGramLanes(
            levels, count: NGramLanes<Levels>.count(tokens: last, order: order),
            vocabularySize: vocabularySize, endToken: endToken)
        lanes.begin(after: state)
        let scores = lanes.score(tokens)
        state.contexts = lanes.contexts
        state.append(tokens[..<last])
        return scores.map { Double($0) * M_LN10 }
    }

    /// Base-10 logarithms of every token's probability after `contexts`.
    private func distribution<Levels: NGramLevels>(_ levels: Levels, after contexts: [UInt32])
        -> [Float]
    {
        defer { withExtendedLifetime(memory) {} }
        var values = (0..<vocabularySize).map { levels.logProbability(0, $0) }
        // Shorter contexts first, so that the longest that knows a token has the last word. Each step backs off
        // from one context more.
        for (level, context) in contexts.enumerated() where context != UInt32.max {
            let backoff = levels.backoff(level, Int(context))
            for id in values.indices { values[id] += backoff }
            for child in levels.children(level, Int(context)) {
                let id = Int(levels.token(level + 1, child))
                if id < vocabularySize { values[id] = levels.logProbability(level + 1, child) }
            }
        }
        return values
    }
}
