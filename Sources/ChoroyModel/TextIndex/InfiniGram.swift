public import ChoroyTensor
public import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An n-gram model without a largest n: each next token's probability from all the text before it that the
/// index has seen.
///
/// As published, s is the longest end of the context that occurs, and
///
///     P(w | context) = c(s w) / c(s)
///
/// with c the counts in the text. That is 0 for what never followed s, so the authors mix it with a neural model.
/// To stand alone, here each shorter end adds what the longer one keeps for tokens it has not seen:
///
///     p_s(w) = (c(s w) − D(c(s w)) + Σ_v D(c(s v)) · p_r(w)) / Σ_v c(s v)      D(c) = d·c^d
///
/// where r is the next shorter end that is looked at; below the empty one all tokens are alike. D is the discount of
/// power-law discounting, with plain counts at every length and one d for all.
///
/// Source: Liu et al. 2024, "Infini-gram: Scaling Unbounded n-gram Language Models to a Trillion Tokens",
/// section 2, https://arxiv.org/abs/2401.17377; the discount: Huang & Renals 2010, "Power law discounting for
/// n-gram language models". The chain of ends is ours.
public struct InfiniGram: LanguageModel, Sendable {
    public let index: TextIndex
    /// Ends of up to so many tokens are looked at one by one, of longer ones only the longest.
    static let shorterOrders = 6
    /// Found on 200 KB of documentation, of which 57 MB and 12 MB were indexed as tokens, and on 100 KB of
    /// Shakespeare, of which 0.9 MB were indexed as bytes: of 0.75, 0.8 and 0.85 the best of the sum.
    static let d = 0.8

    public init(_ index: TextIndex) { self.index = index }

    public var vocabularySize: Int { index.vocabulary.vocabularySize }

    public func initialState() -> InfiniGramState {
        InfiniGramState(index, maximumOrder: Self.shorterOrders)
    }

    /// What the published estimate is made of: the length of the longest end of the context that occurs, how
    /// often tokens follow it, and how often `token` does.
    public func estimate(of token: TokenID, after state: InfiniGramState) -> (
        length: Int, total: Int, count: Int
    ) {
        let (length, range) = state.longest
        let level = level(range, depth: length)
        return (length, Int(level.total), count(of: token, level))
    }

    /// One end of a context: where it occurs, how often predicted tokens follow, and what is taken from their
    /// counts.
    private struct Level {
        var range: Range<Int>
        var depth: Int
        var total: Double
        var discounts: Double
    }

    /// The ends of a state's context from the empty one to the longest.
    private func levels(_ state: InfiniGramState) -> [Level] {
        var levels = state.ends.enumerated().map { level($1, depth: $0) }
        if state.longest.length >= state.ends.count {
            levels.append(level(state.longest.range, depth: state.longest.length))
        }
        return levels
    }

    private func level(_ range: Range<Int>, depth: Int) -> Level {
        let (total, discounts) = index.followerSums.sums(of: range, depth: depth) {
            var (total, discounts) = (0.0, 0.0)
            forEachCount(range, depth: depth) { _, count in
                total += count
                discounts += Self.discount(count)
            }
            return (total, discounts)
        }
        return Level(range: range, depth: depth, total: total, discounts: discounts)
    }

    /// Calls `body` with each predicted token that follows, and how often it does.
    private func forEachCount(
        _ range: Range<Int>, depth: Int, _ body: (_ token: Int, _ count: Double) -> Void
    ) {
        if depth == 0 {
            for token in 0..<vocabularySize {
                let count = index.range(of: token).count
                if count > 0 { body(token, Double(count)) }
            }
            return
        }
        index.forEachFollower(of: range, depth: depth) { token, ranks in
            // Neither the text's end nor a mark that is no token.
            if token >= 0, token < vocabularySize { body(token, Double(ranks.count)) }
        }
    }

    private func count(of token: TokenID, _ level: Level) -> Int {
        index.extending(level.range, depth: level.depth, by: Int(token)).count
    }

    private static func discount(_ count: Double) -> Double {
        count == 1 ? d : d * pow(count, d)
    }

    /// The probability of a token that follows `count` times, given that after the shorter end.
    private func probability(_ count: Double, _ level: Level, _ shorter: Double) -> Double {
        let kept = count > 0 ? count - Self.discount(count) : 0
        return (kept + level.discounts * shorter) / level.total
    }

    /// Nats of `token` after a state.
    private func nats(_ token: TokenID, after state: InfiniGramState) -> Double {
        var probability = 1 / Double(vocabularySize)
        for level in levels(state) where level.total > 0 {
            probability = self.probability(Double(count(of: token, level)), level, probability)
        }
        return log(probability)
    }

    /// Reads `token`.
    ///
    /// - Precondition: `token` is in the vocabulary.
    private func read(_ token: TokenID, _ state: inout InfiniGramState) {
        check(token)
        state.append(token)
    }

    private func check(_ token: TokenID) {
        precondition(
            token >= 0 && Int(token) < vocabularySize,
            "token \(token) of a vocabulary of \(vocabularySize)")
    }

    public func logProbabilities(_ tokens: [[TokenID]], states: inout [InfiniGramState])
        -> [[Double]]
    {
        precondition(
            tokens.count == states.count, "\(tokens.count) sequences, \(states.count) states")
        return tokens.indices.map { sequence in
            var result: [Double] = []
            result.reserveCapacity(tokens[sequence].count)
            for (index, token) in tokens[sequence].enumerated() {
                check(token)
                if index > 0 { result.append(nats(token, after: states[sequence])) }
                if index + 1 < tokens[sequence].count { read(token, &states[sequence]) }
            }
            return result
        }
    }

    public func logits(
        _ tokens: [[TokenID]], states: inout [InfiniGramState], at positions: Positions
    ) -> Tensor {
        precondition(
            tokens.count == states.count, "\(tokens.count) sequences, \(states.count) states")
        // [rows, V], row after row
        var rows: [[Float]] = []
        for sequence in tokens.indices {
            precondition(!tokens[sequence].isEmpty, "logits: sequence \(sequence) has no token")
            for (place, token) in tokens[sequence].enumerated() {
                read(token, &states[sequence])
                if positions == .all || place + 1 == tokens[sequence].count {
                    rows.append(distribution(after: states[sequence]))
                }
            }
        }
        let found = rows
        return unsafe Tensor(shape: [found.count, vocabularySize]) { target in
            for (row, values) in found.enumerated() {
                for id in values.indices {
                    unsafe target[row * vocabularySize + id] = values[id]
                }
            }
        }
    }

    /// Nats of every token's probability after a state.
    private func distribution(after state: InfiniGramState) -> [Float] {
        var values = [Double](repeating: 1 / Double(vocabularySize), count: vocabularySize)
        for level in levels(state) where level.total > 0 {
            // All as if they never followed, then those that did.
            let factor = level.discounts / level.total
            for id in values.indices { values[id] *= factor }
            forEachCount(level.range, depth: level.depth) { token, count in
                values[token] += (count - Self.discount(count)) / level.total
            }
        }
        return values.map { Float(log($0)) }
    }
}
