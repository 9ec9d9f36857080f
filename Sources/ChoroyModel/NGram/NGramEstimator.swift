import ChoroySystem
public import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An n-gram model estimated from text: interpolated modified Kneser-Ney smoothing.
///
///     p(w | h) = (c(hw) − D(c(hw))) / Σ_v c(hv) + γ(h)·p(w | h')      γ(h) = Σ_v D(c(hv)) / Σ_v c(hv)
///
/// with adjusted counts c, and h' = h without its first token; unigrams are interpolated with the
/// uniform distribution over the vocabulary, so every token has a positive probability.
/// Source: Chen & Goodman 1998, section 4.1.6, as KenLM's `lmplz` computes it.
public struct NGramEstimate: Sendable {
    public let model: NGramModel
    /// For each order from 1.
    public let discounts: [Discounts]
    /// For each id of the text whether the model has it, with its ids numbered anew; nil when it has all.
    public private(set) var unigrams: [Bool]?

    /// The largest order.
    public static let maximumOrder = 64

    /// A text must have fewer tokens than this, so that its n-grams are numbers of 31 bits.
    public static let maximumTokens = 1 << 31

    /// Estimates a model of an order from 1 on.
    ///
    /// It never refuses: an order whose discounts cannot be estimated takes `Discounts.fallback`.
    /// - Parameters:
    ///   - pruning: What is left out. Ids of tokens may be left out only where nothing else depends on their numbers.
    ///   - unknownToken: The id that stands for words left out, and stays itself.
    ///   - progress: Called while n-grams are counted and estimated.
    /// - Precondition: the order is in 1...64, there is a token, and `pruning` is valid.
    public init(
        order: Int, _ sequences: NGramSequences, pruning: NGramPruning = .none,
        unknownToken: TokenID? = nil, progress: NGramStage.Progress = { _, _, _ in }
    ) {
        precondition(pruning.isValid, "thresholds \(pruning.thresholds)")
        precondition(order >= 1 && order <= Self.maximumOrder, "an n-gram order of \(order)")
        precondition(
            sequences.count > 0 && sequences.count < Self.maximumTokens,
            "an n-gram model of \(sequences.count) tokens")
        var trie = NGramCounts(sequences, order: order) { done, all in
            progress(.counting, done, all)
        }.trie
        // Links, adjusted counts, probabilities and logarithms, where an order has them.
        let total = trie.counts.enumerated().reduce(0) { $0 + $1.element * min(4, $1.offset + 2) }
        var done = 0
        func advance(_ count: Int) {
            done += count
            progress(.estimating, done, total)
        }
        let adjusted = AdjustedCounts(trie, startToken: sequences.startToken, advance: advance)
        discounts = adjusted.countsOfCounts.map { Discounts(countsOfCounts: $0) }
        let stays = pruning.stays(
            trie, kept: [unknownToken, sequences.startToken, sequences.endToken].compactMap(\.self))

        Self.unigrams(trie, discounts[0], stays?[0], vocabularySize: sequences.vocabularySize)
        for level in 1..<order {
            Self.interpolate(trie, level, discounts[level], stays?[level], adjusted.links)
            advance(trie.counts[level])
        }
        for level in 0..<order {
            Self.takeLogarithms(trie, level)
            advance(trie.counts[level])
        }
        if let startToken = sequences.startToken {
            trie.rows[0].first.set(Int(startToken), 0)
        }
        var endToken = sequences.endToken
        if let stays {
            trie = trie.keeping(stays)
            endToken = endToken.map { end in
                TokenID(unsafe stays[0].elements.prefix(Int(end)).count { $0 })
            }
        }
        model = NGramModel(
            trie, vocabularySize: trie.counts[0] - (sequences.endToken == nil ? 0 : 1),
            endToken: endToken)
        unigrams = stays.map { unsafe Array($0[0].elements) }
    }

    /// What a person should know about the estimate, a sentence each.
    public var notes: [String] {
        discounts.enumerated().compactMap { level, discounts in
            discounts.reason.map { "order \(level + 1): \($0); discounts 0.5 1 1.5 instead" }
        }
    }

    /// Writes the probabilities of the unigrams over their counts.
    private static func unigrams(
        _ trie: NGramTrie, _ discounts: Discounts, _ stays: LargeArray<Bool>?, vocabularySize: Int
    ) {
        let counts = trie.adjusted(0)
        let probabilities = trie.rows[0].first
        let (total, gamma) = sums(counts, 0..<trie.counts[0], discounts, stays, trie.workspace)
        let words = unsafe stays?.elements.prefix(vocabularySize).count { $0 } ?? vocabularySize
        for id in 0..<trie.counts[0] {
            let count = counts[id]
            probabilities.set(
                id, Float((Double(count) - discounts[count]) / total + gamma / Double(words)))
        }
    }

    /// Writes the probabilities of a level over its counts, and γ of each context over the adjusted counts of
    /// the level below, where it weighs.
    private static func interpolate(
        _ trie: NGramTrie, _ level: Int, _ discounts: Discounts, _ stays: LargeArray<Bool>?,
        _ links: SuffixLinks
    ) {
        let own = trie.rows[level]
        let lower = trie.rows[level - 1]
        let counts = trie.adjusted(level)
        links.take(level, from: lower)
        let rests = unsafe links.pointer(level)
        LevelParts.run(lower, children: own.count, in: trie.workspace) { part in
            for context in part {
                let range = lower.children(context)
                if range.isEmpty {
                    lower.second.set(context, 1)
                    continue
                }
                let (total, gamma) = sums(counts, range, discounts, stays, trie.workspace)
                for index in range {
                    if index & 0xFFFF == 0xFFFF { trie.workspace.relieve() }
                    let count = counts[index]
                    let rest = unsafe Double(
                        SuffixLinks.number(rests, index, token: Int(own.token(index)), lower))
                    own.first.set(
                        index, Float((Double(count) - discounts[count]) / total + gamma * rest))
                }
                lower.second.set(context, Float(gamma))
            }
        }
    }

    /// The sum of the counts, and γ: the share of it that the discounts take, and what does not stay.
    @inline(__always)
    private static func sums(
        _ counts: NGramRows.Column, _ range: Range<Int>, _ discounts: Discounts,
        _ stays: LargeArray<Bool>?, _ workspace: Workspace
    ) -> (total: Double, gamma: Double) {
        var total = 0
        var taken = 0.0
        for index in range {
            let count = counts[index]
            if index & 0xFFFF == 0xFFFF { workspace.relieve() }
            total += Int(count)
            taken += unsafe stays?.pointer[index] ?? true ? discounts[count] : Double(count)
        }
        return (Double(total), taken / Double(total))
    }

    private static func takeLogarithms(_ trie: NGramTrie, _ level: Int) {
        let rows = trie.rows[level]
        LevelParts.run(rows.count, in: trie.workspace) { part in
            for index in part {
                rows.first.set(index, log10(rows.first.float(index)))
                if rows.width == 4 {
                    rows.second.set(index, log10(rows.second.float(index)))
                }
            }
        }
    }
}
