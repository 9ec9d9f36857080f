import ChoroyText

/// The counts that Kneser-Ney smoothing works on.
///
/// The highest order keeps how often an n-gram occurs. A lower one counts the different tokens that
/// occur before the n-gram; an n-gram that nothing ever precedes, such as one that begins with `<s>`,
/// keeps how often it occurs. `<s>` itself counts 0: it is never predicted.
///
/// Source: Chen & Goodman 1998, "An empirical study of smoothing techniques for language modeling",
/// section 4.1.6; Heafield et al. 2013, "Scalable modified Kneser-Ney language model estimation", 3.2.
struct AdjustedCounts {
    /// For each order the adjusted count of each n-gram.
    private(set) var counts: [[UInt32]]
    /// For each order the place of each n-gram without its first token, one order down; none for unigrams.
    private(set) var suffixes: [[UInt32]]

    init(_ raw: NGramCounts, startToken: TokenID?) {
        let order = raw.order
        suffixes = [[]]
        for level in 1..<max(1, order) {
            let lower = raw.levels[level - 1]
            suffixes.append(
                SuffixLinks.links(
                    children: lower.children, tokens: raw.levels[level].tokens,
                    suffixes: level == 1 ? nil : suffixes[level - 1],
                    lowerChildren: level == 1 ? [] : raw.levels[level - 2].children,
                    lowerTokens: lower.tokens,
                    missing: { preconditionFailure("n-gram \($0) of \(level + 1) has no suffix") }))
        }
        counts = []
        for level in 0..<order {
            var adjusted = raw.levels[level].counts
            if level + 1 < order {
                adjusted = [UInt32](repeating: 0, count: adjusted.count)
                for suffix in suffixes[level + 1] { adjusted[Int(suffix)] += 1 }
                for index in adjusted.indices where adjusted[index] == 0 {
                    adjusted[index] = raw.levels[level].counts[index]
                }
            }
            counts.append(adjusted)
        }
        if let startToken { counts[0][Int(startToken)] = 0 }
    }
}
