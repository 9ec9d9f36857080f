import ChoroySystem
import ChoroyText

/// Rows as a model is estimated in, with tables for n-grams that many others continue: the layout of a model
/// in memory, and of a file that is looked up fast.
@safe struct FastLevels: NGramLevels, @unchecked Sendable {
    let counts: [Int]
    /// For each order from 1; `NGramRows` tells what a row holds.
    let rows: [NGramRows]
    /// For each order but the highest.
    let indexes: [NGramIndex]
    /// Keeps the memory.
    let owner: AnyObject

    init(rows: [NGramRows], indexes: [NGramIndex], owner: AnyObject) {
        counts = rows.map { $0.count }
        self.rows = rows
        self.indexes = indexes
        self.owner = owner
    }

    /// A model whose rows are final.
    init(_ trie: NGramTrie) {
        let indexes = (0..<trie.order - 1).map { level in
            NGramIndex(trie.rows[level], above: trie.rows[level + 1])
        }
        self.init(rows: trie.rows, indexes: indexes, owner: trie)
    }

    @inline(__always) func children(_ level: Int, _ index: Int) -> Range<Int> {
        let own = rows[level].children(index)
        let end = min(own.upperBound, counts[level + 1])
        return min(own.lowerBound, end)..<end
    }

    @inline(__always) func token(_ level: Int, _ index: Int) -> UInt32 {
        rows[level].token(index)
    }

    @inline(__always) func logProbability(_ level: Int, _ index: Int) -> Float {
        rows[level].first.float(index)
    }

    @inline(__always) func backoff(_ level: Int, _ index: Int) -> Float {
        rows[level].second.float(index)
    }

    @inline(__always) func find(_ token: UInt32, _ level: Int, _ index: Int) -> Int {
        let children = children(level, index)
        let above = rows[level + 1]
        if children.count <= NGramIndex.threshold {
            for child in children where above.token(child) == token { return child }
            return -1
        }
        return indexes[level].find(token, index, among: children) { above.token($0) }
    }
}
