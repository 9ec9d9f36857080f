import CChoroyKernels
import ChoroySystem
import ChoroyText

/// Rows as a model is estimated in, with tables for n-grams that many others continue: the layout of a model
/// in memory, and of a file that is looked up fast.
@safe struct FastLevels: NGramLevels, @unchecked Sendable {
    let order: Int
    /// For each order from 1; `NGramRows` tells what a row holds.
    let rows: UnsafePointer<NGramRows>
    /// For each order but the highest.
    let indexes: UnsafePointer<NGramIndex>
    /// The same for the loop that reads at several places at once.
    let kernel: UnsafePointer<ChoroyNGramLevel>

    /// Levels, and what keeps them.
    static func make(
        _ rows: [NGramRows], _ indexes: [NGramIndex], owners: [any AnyObject & Sendable],
        _ workspace: Workspace = .unlimited
    ) -> (FastLevels, NGramMemory) {
        let (allRows, allIndexes) = (LargeArray(rows), LargeArray(indexes))
        let kernel = unsafe LargeArray(
            rows.enumerated().map { level, rows in
                let index = level < indexes.count ? indexes[level] : nil
                return unsafe ChoroyNGramLevel(
                    rows: rows.pointer, slots: index?.slots, slot_count: index?.size ?? 0,
                    count: UInt32(rows.count), width: UInt32(rows.width))

            })
        let levels = unsafe FastLevels(
            order: rows.count, rows: allRows.pointer, indexes: allIndexes.pointer,
            kernel: kernel.pointer)
        return unsafe (levels, NGramMemory(owners + [allRows, allIndexes, kernel], workspace))
    }

    /// A model whose rows are final.
    static func make(_ trie: NGramTrie) -> (FastLevels, NGramMemory) {
        let indexes = (0..<trie.order - 1).map { level in
            NGramIndex.make(
                trie.rows[level], above: trie.rows[level + 1], in: trie.workspace)
        }
        return make(
            trie.rows, indexes.map(\.0), owners: [trie] + indexes.map(\.1),
            trie.workspace)
    }

    @inline(__always) func count(_ level: Int) -> Int { unsafe rows[level].count }

    @inline(__always) func children(_ level: Int, _ index: Int) -> Range<Int> {
        unsafe rows[level].children(index, limit: rows[level + 1].count)
    }

    @inline(__always) func token(_ level: Int, _ index: Int) -> UInt32 {
        unsafe rows[level].token(index)
    }

    @inline(__always) func logProbability(_ level: Int, _ index: Int) -> Float {
        unsafe rows[level].first.float(index)
    }

    @inline(__always) func backoff(_ level: Int, _ index: Int) -> Float {
        unsafe rows[level].second.float(index)
    }

    @inline(__always) func find(_ token: UInt32, _ level: Int, _ index: Int) -> Int {
        let children = children(level, index)
        let above = unsafe rows[level + 1]
        if children.count <= NGramIndex.threshold {
            for child in children where above.token(child) == token { return child }
            return -1
        }
        return unsafe indexes[level].find(token, index, among: children)
    }

    func score(
        _ tokens: UnsafePointer<TokenID>, length: Int, start: UInt32, end: UInt32?,
        contexts: UnsafeMutablePointer<UInt32>, scores: UnsafeMutablePointer<Float>
    ) {
        unsafe choroy_ngram_score(
            kernel, order, start, end ?? .max, contexts, tokens, length, scores)
    }
}
