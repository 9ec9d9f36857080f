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

    /// A text must have fewer tokens than this: places in it are numbers of 32 bits.
    public static let maximumTokens = 1 << 31

    /// Estimates a model of an order from 1 on.
    ///
    /// It never refuses: an order whose discounts cannot be estimated takes `Discounts.fallback`.
    /// - Parameters:
    ///   - pruning: What is left out. Ids of tokens may be left out only where nothing else depends on their numbers.
    ///   - unknownToken: The id that stands for words left out, and stays itself.
    /// - Precondition: the order is in 1...64, there is a token, and `pruning` is valid.
    public init(
        order: Int, _ sequences: NGramSequences, pruning: NGramPruning = .none,
        unknownToken: TokenID? = nil
    ) {
        precondition(pruning.isValid, "thresholds \(pruning.thresholds)")
        precondition(order >= 1 && order <= Self.maximumOrder, "an n-gram order of \(order)")
        precondition(
            sequences.count > 0 && sequences.count < Self.maximumTokens,
            "an n-gram model of \(sequences.count) tokens")
        let raw = NGramCounts(sequences, order: order)
        let adjusted = AdjustedCounts(raw, startToken: sequences.startToken)
        discounts = adjusted.counts.map { Discounts(counts: $0) }
        let stays = pruning.stays(
            raw, kept: [unknownToken, sequences.startToken, sequences.endToken].compactMap(\.self))

        var levels: [NGramModel.Level] = []
        var lower: [Double] = []
        for level in 0..<order {
            let counts = adjusted.counts[level]
            var probabilities: [Double]
            if level == 0 {
                probabilities = Self.unigrams(
                    counts, discounts[0], stays?[0], vocabularySize: sequences.vocabularySize)
            } else {
                // γ of each context goes where its continuations are weighed: one level down.
                let suffixes = adjusted.suffixes[level]
                var backoffs = [Double](repeating: 0, count: lower.count)
                probabilities = [Double](repeating: 0, count: counts.count)
                let children = raw.levels[level - 1].children
                for context in lower.indices {
                    let range = Int(children[context])..<Int(children[context + 1])
                    if range.isEmpty { continue }
                    let (total, gamma) = Self.sums(
                        counts[range], discounts[level], stays?[level][range])
                    for index in range {
                        let own = Double(counts[index]) - discounts[level][counts[index]]
                        probabilities[index] = own / total + gamma * lower[Int(suffixes[index])]
                    }
                    backoffs[context] = log(gamma)
                }
                levels[level - 1].backoffs = backoffs
            }
            levels.append(
                NGramModel.Level(
                    tokens: raw.levels[level].tokens,
                    logProbabilities: probabilities.map { log($0) },
                    backoffs: [], children: raw.levels[level].children,
                    suffixes: adjusted.suffixes[level]))
            lower = probabilities
        }
        if let startToken = sequences.startToken { levels[0].logProbabilities[Int(startToken)] = 0 }
        let whole = NGramModel(
            levels: levels, vocabularySize: sequences.vocabularySize,
            endToken: sequences.endToken)
        model = stays.map { whole.keeping($0) } ?? whole
        unigrams = stays?[0]
    }

    /// What a person should know about the estimate, a sentence each.
    public var notes: [String] {
        discounts.enumerated().compactMap { level, discounts in
            discounts.reason.map { "order \(level + 1): \($0); discounts 0.5 1 1.5 instead" }
        }
    }

    private static func unigrams(
        _ counts: [UInt32], _ discounts: Discounts, _ stays: [Bool]?, vocabularySize: Int
    ) -> [Double] {
        let (total, gamma) = sums(counts[...], discounts, stays?[...])
        let words = stays?.prefix(vocabularySize).count { $0 } ?? vocabularySize
        return counts.map { (Double($0) - discounts[$0]) / total + gamma / Double(words) }
    }

    /// The sum of the counts, and γ: the share of it that the discounts take, and what does not stay.
    private static func sums(
        _ counts: ArraySlice<UInt32>, _ discounts: Discounts, _ stays: ArraySlice<Bool>?
    ) -> (total: Double, gamma: Double) {
        var total = 0
        var taken = 0.0
        for (index, count) in zip(counts.indices, counts) {
            total += Int(count)
            taken += stays?[index] ?? true ? discounts[count] : Double(count)
        }
        return (Double(total), taken / Double(total))
    }
}
