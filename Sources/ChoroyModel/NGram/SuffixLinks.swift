import ChoroyText

/// For each n-gram of a trie the place of the same n-gram without its first token, one level down.
enum SuffixLinks {
    /// The links of the n-grams that continue the level `parents`.
    ///
    /// - Parameters:
    ///   - children: where the continuations of each parent begin; one entry more than parents.
    ///   - tokens: last tokens of the continuations.
    ///   - suffixes: links of the parents themselves; nil when the parents are unigrams.
    ///   - lowerChildren: where the continuations of the parents' suffixes begin, among `lowerTokens`.
    ///   - missing: called with each continuation that has no such place.
    static func links(
        children: [UInt32], tokens: [TokenID], suffixes: [UInt32]?, lowerChildren: [UInt32],
        lowerTokens: [TokenID], missing: (Int) -> Void
    ) -> [UInt32] {
        var links = [UInt32](repeating: 0, count: tokens.count)
        guard let suffixes else {
            for index in tokens.indices { links[index] = UInt32(tokens[index]) }
            return links
        }
        for parent in 0..<children.count - 1 {
            var index = Int(children[parent])
            let end = Int(children[parent + 1])
            if index == end { continue }
            let suffix = Int(suffixes[parent])
            var low = Int(lowerChildren[suffix])
            let high = Int(lowerChildren[suffix + 1])
            while index < end {
                low = search(lowerTokens, tokens[index], from: low, to: high)
                if low < high && lowerTokens[low] == tokens[index] {
                    links[index] = UInt32(low)
                    low += 1
                } else {
                    missing(index)
                }
                index += 1
            }
        }
        return links
    }

    /// The first place in `low..<high` whose token is not below `token`: steps that double, then halves.
    private static func search(_ tokens: [TokenID], _ token: TokenID, from low: Int, to high: Int)
        -> Int
    {
        var step = 1
        var low = low
        var bound = low
        while bound < high && tokens[bound] < token {
            low = bound + 1
            bound += step
            step *= 2
        }
        bound = min(bound, high)
        while low < bound {
            let middle = low + (bound - low) / 2
            if tokens[middle] < token { low = middle + 1 } else { bound = middle }
        }
        return low
    }
}
