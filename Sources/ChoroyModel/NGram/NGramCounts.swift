import ChoroyText

/// How often each n-gram of the orders 1...order occurs, as a trie.
///
/// Level k holds the n-grams of k tokens in the order of their ids. The continuations of n-gram `i`
/// are those of the next level in `children[i] ..< children[i + 1]`. Level 1 has one entry for every
/// id, whether it occurs or not, so that there an index is an id.
struct NGramCounts {
    struct Level {
        /// The last token of each n-gram.
        var tokens: [TokenID] = []
        /// Where the continuations begin in the next level; one entry more than n-grams.
        var children: [UInt32] = []
        var counts: [UInt32] = []
    }

    private(set) var levels: [Level]
    var order: Int { levels.count }

    init(_ sequences: NGramSequences, order: Int) {
        let suffixes = SuffixOrder(sequences, depth: order)
        let unigrams = sequences.vocabularySize + (sequences.endToken == nil ? 0 : 1)
        levels = Self.emptyLevels(suffixes, order: order, unigrams: unigrams)

        // open[k]: the n-gram of k + 1 tokens that the current suffix begins with; since[k]: its slot.
        var open = [Int](repeating: -1, count: order)
        var since = [Int](repeating: 0, count: order)
        var made = [Int](repeating: 0, count: order)
        var depth = 0
        var firstUnfilled = 0
        for slot in suffixes.positions.indices {
            let position = Int(suffixes.positions[slot])
            let common = Int(suffixes.common[slot])
            let length = Int(suffixes.lengths[position])
            for level in common..<max(common, depth) {
                levels[level].counts[open[level]] = UInt32(slot - since[level])
            }
            for level in common..<length {
                let token = sequences.tokens[position + level]
                let index = level == 0 ? Int(token) : made[level]
                if level == 0 && order > 1 {
                    for id in firstUnfilled...index { levels[0].children[id] = UInt32(made[1]) }
                    firstUnfilled = index + 1
                } else if level > 0 {
                    levels[level].tokens[index] = token
                    if level + 1 < order {
                        levels[level].children[index] = UInt32(made[level + 1])
                    }
                }
                made[level] += 1
                open[level] = index
                since[level] = slot
            }
            depth = length
        }
        for level in 0..<depth {
            levels[level].counts[open[level]] = UInt32(suffixes.positions.count - since[level])
        }
        guard order > 1 else { return }
        for id in firstUnfilled...unigrams { levels[0].children[id] = UInt32(made[1]) }
        for level in 1..<order - 1 {
            levels[level].children[made[level]] = UInt32(made[level + 1])
        }
    }

    /// Levels of the right sizes, all zero but the tokens of level 1.
    private static func emptyLevels(_ suffixes: SuffixOrder, order: Int, unigrams: Int) -> [Level] {
        var sizes = [Int](repeating: 0, count: order)
        for (slot, position) in suffixes.positions.enumerated() {
            let common = Int(suffixes.common[slot])
            for level in common..<Int(suffixes.lengths[Int(position)]) { sizes[level] += 1 }
        }
        sizes[0] = unigrams
        return (0..<order).map { level in
            Level(
                tokens: level == 0
                    ? (0..<TokenID(unigrams)).map { $0 }
                    : [TokenID](repeating: 0, count: sizes[level]),
                children: level + 1 < order ? [UInt32](repeating: 0, count: sizes[level] + 1) : [],
                counts: [UInt32](repeating: 0, count: sizes[level]))
        }
    }
}
