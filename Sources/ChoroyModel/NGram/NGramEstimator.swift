import ChoroyText

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

    /// The largest order.
    public static let maximumOrder = 64

    /// A text must have fewer tokens than this: places in it are numbers of 32 bits.
    public static let maximumTokens = 1 << 31

    /// Estimates a model of an order from 1 on.
    ///
    /// It never refuses: an order whose discounts cannot be estimated takes `Discounts.fallback`.
    /// - Precondition: the order is in 1...64 and there is a token.
    public init(order: Int, _ sequences: NGramSequences) {
        precondition(order >= 1 && order <= Self.maximumOrder, "an n-gram order of \(order)")
        precondition(
            sequences.count > 0 && sequences.count < Self.maximumTokens,
            "an n-gram model of \(sequences.count) tokens")
        let raw = NGramCounts(sequences, order: order)
        let adjusted = AdjustedCounts(raw, startToken: sequences.startToken)
        discounts = adjusted.counts.map { Discounts(counts: $0) }

        var levels: [NGramModel.Level] = []
        var lower: [Double] = []
        for level in 0..<order {
            let counts = adjusted.counts[level]
            var probabilities: [Double]
            if level == 0 {
                probabilities = Self.unigrams(
                    counts, discounts[0], vocabularySize: sequences.vocabularySize)
            } else {
                // γ of each context goes where its continuations are weighed: one level down.
                let suffixes = adjusted.suffixes[level]
                var backoffs = [Double](repeating: 0, count: lower.count)
                probabilities = [Double](repeating: 0, count: counts.count)
                let children = raw.levels[level - 1].children
                for context in lower.indices {
                    let range = Int(children[context])..<Int(children[context + 1])
                    if range.isEmpty { continue }
                    let (total, gamma) = Self.sums(counts[range], discounts[level])
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
        model = NGramModel(
            levels: levels, vocabularySize: sequences.vocabularySize,
            endToken: sequences.endToken)
    }

    /// What a person should know about the estimate, a sentence each.
    public var notes: [String] {
        discounts.enumerated().compactMap { level, discounts in
            discounts.reason.map { "order \(level + 1): \($0); discounts 0.5 1 1.5 instead" }
        }
    }

    private static func unigrams(_ counts: [UInt32], _ discounts: Discounts, vocabularySize: Int)
        -> [Double]
    {
        let (total, gamma) = sums(counts[...], discounts)
        let uniform = 1 / Double(vocabularySize)
        return counts.map { (Double($0) - discounts[$0]) / total + gamma * uniform }
    }

    /// The sum of the counts, and γ: the share of it that the discounts take.
    private static func sums(_ counts: ArraySlice<UInt32>, _ discounts: Discounts) -> (
        total: Double, gamma: Double
    ) {
        var total = 0
        var discount = 0.0
        for count in counts {
            total += Int(count)
            discount += discounts[count]
        }
        return (Double(total), discount / Double(total))
    }
}
