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
    let levels: [Level]

    /// The n-grams of one order, sorted by their ids. At level 1 an index is an id; the last is `<s>`.
    struct Level: Sendable {
        /// The last token of each n-gram.
        var tokens: [TokenID]
        /// In nats.
        var logProbabilities: [Double]
        /// In nats; none at the highest order.
        var backoffs: [Double]
        /// Where the continuations begin in the next level; one more than n-grams, none at the highest.
        var children: [UInt32]
        /// The place of each n-gram without its first token, one level down; none for unigrams.
        var suffixes: [UInt32]
    }

    init(levels: [Level], vocabularySize: Int, endToken: TokenID?) {
        precondition(
            levels[0].tokens.count == vocabularySize + (endToken == nil ? 0 : 1),
            "\(levels[0].tokens.count) unigrams for a vocabulary of \(vocabularySize)")
        self.levels = levels
        self.vocabularySize = vocabularySize
        self.endToken = endToken
    }

    /// The longest n-grams the model holds.
    public var order: Int { levels.count }

    /// For each order from 1 how many n-grams the model holds.
    public var counts: [Int] { levels.map(\.tokens.count) }

    /// The number of `<s>`, which is never predicted; nil without an end token.
    var startToken: TokenID? { endToken == nil ? nil : TokenID(vocabularySize) }

    public func initialState() -> NGramState { NGramState(initial: start) }

    private var start: NGramContext {
        guard let startToken else { return .empty }
        return shortened(NGramContext(level: 1, index: UInt32(startToken)))
    }

    /// Reads `token` after `context`: nats of its probability there, and the context it leaves.
    ///
    /// - Precondition: `token` is in the vocabulary.
    func read(_ token: TokenID, after context: NGramContext) -> (Double, NGramContext) {
        precondition(
            token >= 0 && Int(token) < vocabularySize,
            "token \(token) of a vocabulary of \(vocabularySize)")
        var context = context
        var backoff = 0.0
        while context.level > 0 {
            if let index = find(token, after: context) {
                let level = Int(context.level)
                let next = NGramContext(level: context.level + 1, index: UInt32(index))
                return (
                    backoff + levels[level].logProbabilities[index],
                    token == endToken ? start : shortened(next)
                )
            }
            backoff += levels[Int(context.level) - 1].backoffs[Int(context.index)]
            context = suffix(of: context)
        }
        let next = NGramContext(level: 1, index: UInt32(token))
        return (
            backoff + levels[0].logProbabilities[Int(token)],
            token == endToken ? start : shortened(next)
        )
    }

    /// The place of the n-gram that continues `context` with `token`, one level up.
    private func find(_ token: TokenID, after context: NGramContext) -> Int? {
        let children = levels[Int(context.level) - 1].children
        let tokens = levels[Int(context.level)].tokens
        var low = Int(children[Int(context.index)])
        let end = Int(children[Int(context.index) + 1])
        var high = end
        while low < high {
            let middle = low + (high - low) / 2
            if tokens[middle] < token { low = middle + 1 } else { high = middle }
        }
        return low < end && tokens[low] == token ? low : nil
    }

    private func suffix(of context: NGramContext) -> NGramContext {
        if context.level <= 1 { return .empty }
        return NGramContext(
            level: context.level - 1,
            index: levels[Int(context.level) - 1].suffixes[Int(context.index)])
    }

    /// The longest end of `context` that can tell something about the next token.
    private func shortened(_ context: NGramContext) -> NGramContext {
        var context = context
        while context.level > 0 {
            let level = Int(context.level)
            let index = Int(context.index)
            if level < order {
                let children = levels[level - 1].children
                let isLeaf = children[index] == children[index + 1]
                if !isLeaf || levels[level - 1].backoffs[index] != 0 { break }
            }
            context = suffix(of: context)
        }
        return context
    }

    public func logProbabilities(_ tokens: [[TokenID]], states: inout [NGramState]) -> [[Double]] {
        precondition(
            tokens.count == states.count, "\(tokens.count) sequences, \(states.count) states")
        return tokens.indices.map { sequence in
            var context = states[sequence].context
            var result: [Double] = []
            result.reserveCapacity(tokens[sequence].count)
            for (index, token) in tokens[sequence].enumerated() {
                let (nats, next) = read(token, after: context)
                if index > 0 { result.append(nats) }
                if index + 1 == tokens[sequence].count { break }
                context = next
                states[sequence].append(next)
            }
            return result
        }
    }

    public func logits(
        _ tokens: [[TokenID]], states: inout [NGramState], at positions: Positions
    ) -> Tensor {
        precondition(
            tokens.count == states.count, "\(tokens.count) sequences, \(states.count) states")
        var contexts: [NGramContext] = []
        for sequence in tokens.indices {
            precondition(!tokens[sequence].isEmpty, "logits: sequence \(sequence) has no token")
            for token in tokens[sequence] {
                let (_, next) = read(token, after: states[sequence].context)
                states[sequence].append(next)
                if positions == .all { contexts.append(next) }
            }
            if positions == .last { contexts.append(states[sequence].context) }
        }
        let rows = contexts
        return unsafe Tensor(shape: [rows.count, vocabularySize]) { target in
            for (row, context) in rows.enumerated() {
                let values = distribution(after: context)
                for id in values.indices {
                    unsafe target[row * vocabularySize + id] = Float(values[id])
                }
            }
        }
    }

    /// Nats of every token's probability after `context`.
    private func distribution(after context: NGramContext) -> [Double] {
        var chain: [NGramContext] = []
        var current = context
        while current.level > 0 {
            chain.append(current)
            current = suffix(of: current)
        }
        // Shorter contexts first, so that the longest that knows a token has the last word.
        // remaining[i]: the back-off weights of the contexts longer than chain[i].
        var remaining: [Double] = []
        var sum = 0.0
        for context in chain {
            remaining.append(sum)
            sum += levels[Int(context.level) - 1].backoffs[Int(context.index)]
        }
        var values = levels[0].logProbabilities[..<vocabularySize].map { $0 + sum }
        for (context, backoff) in zip(chain, remaining).reversed() {
            let children = levels[Int(context.level) - 1].children
            let level = levels[Int(context.level)]
            for index in Int(children[Int(context.index)])..<Int(children[Int(context.index) + 1])
            where Int(level.tokens[index]) < vocabularySize {
                values[Int(level.tokens[index])] = level.logProbabilities[index] + backoff
            }
        }
        return values
    }
}
