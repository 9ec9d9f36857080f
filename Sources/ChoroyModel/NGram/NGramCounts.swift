import ChoroySystem
import ChoroyText

/// How often each n-gram of the orders 1...order occurs, as a trie.
///
/// In the order 1 every id has a row, whether it occurs or not. `first` of a row is the count.
@safe struct NGramCounts {
    let trie: NGramTrie

    init(_ sequences: NGramSequences, order: Int) {
        let suffixes = SuffixOrder(sequences, depth: order)
        let parts = suffixes.parts
        let workspace = sequences.workspace
        let tokens = unsafe sequences.tokens
        defer { withExtendedLifetime(sequences) {} }
        // made[part][level]: n-grams of each order in a part, then those before it.
        let found = LargeArray<Int>(count: parts.count * order)
        ThreadPool.shared.run(parts.count) { part in
            for slot in suffixes.buckets[
                parts[part].lowerBound]..<suffixes.buckets[parts[part].upperBound]
            {
                let length = unsafe suffixes.lengths.pointer[Int(suffixes.positions.pointer[slot])]
                let common = unsafe suffixes.common.pointer[slot]
                for level in Int(common)..<max(Int(common), Int(length)) {
                    unsafe found.pointer[part * order + level] += 1
                }
            }
        }
        var counts = [Int](repeating: 0, count: order)
        for part in parts.indices {
            for level in 0..<order {
                let own = unsafe found.pointer[part * order + level]
                unsafe found.pointer[part * order + level] = counts[level]
                counts[level] += own
            }
        }
        counts[0] = sequences.alphabetSize
        let trie = NGramTrie(counts: counts, in: workspace)
        self.trie = trie
        ThreadPool.shared.run(parts.count) { part in
            unsafe Self.fill(
                trie, suffixes, tokens, parts[part], made: found.pointer + part * order)
            workspace.relieve()
        }
        trie.closeChildren()
    }

    /// Writes the rows of the n-grams that begin with some tokens.
    ///
    /// - Parameter made: n-grams of each order that come before them.
    private static func fill(
        _ trie: NGramTrie, _ suffixes: SuffixOrder, _ tokens: UnsafeBufferPointer<UInt32>,
        _ part: Range<Int>, made: UnsafeMutablePointer<Int>
    ) {
        let order = trie.order
        let positions = unsafe suffixes.positions.pointer
        let lengths = unsafe suffixes.lengths.pointer
        let rows = trie.rows
        // open[k]: the row of k + 1 tokens that the current suffix begins with; since[k]: its slot.
        var open = [Int](repeating: 0, count: order)
        var since = [Int](repeating: 0, count: order)
        for first in part {
            let bucket = suffixes.buckets[first]..<suffixes.buckets[first + 1]
            if first & 255 == 0 { trie.workspace.relieve() }
            unsafe rows[0].pointer[first * rows[0].width] = UInt32(first)
            rows[0].first[first] = UInt32(bucket.count)
            if order > 1 { unsafe rows[0].pointer[first * 4 + 3] = unsafe UInt32(made[1]) }
            var depth = 1
            for slot in bucket {
                if slot & 0x3FFF == 0 { trie.workspace.relieve() }
                let position = unsafe Int(positions[slot])
                let common = unsafe max(1, Int(suffixes.common.pointer[slot]))
                let length = unsafe Int(lengths[position])
                for level in common..<max(common, depth) {
                    rows[level].first[open[level]] = UInt32(slot - since[level])
                }
                for level in common..<max(common, length) {
                    let index = unsafe made[level]
                    unsafe made[level] = index + 1
                    let row = unsafe rows[level].pointer + index * rows[level].width
                    unsafe row[0] = unsafe tokens[position + level] & ~NGramSequences.end
                    if level + 1 < order { unsafe row[3] = unsafe UInt32(made[level + 1]) }
                    open[level] = index
                    since[level] = slot
                }
                depth = length
            }
            for level in 1..<max(1, depth) {
                rows[level].first[open[level]] = UInt32(bucket.upperBound - since[level])
            }
        }
    }
}
