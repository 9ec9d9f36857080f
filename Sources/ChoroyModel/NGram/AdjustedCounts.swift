import ChoroySystem
import ChoroyText

/// The counts that Kneser-Ney smoothing works on.
///
/// The highest order keeps how often an n-gram occurs. A lower one counts the different tokens that
/// occur before the n-gram; an n-gram that nothing ever precedes, such as one that begins with `<s>`,
/// keeps how often it occurs. `<s>` itself counts 0: it is never predicted.
///
/// Source: Chen & Goodman 1998, "An empirical study of smoothing techniques for language modeling",
/// section 4.1.6; Heafield et al. 2013, "Scalable modified Kneser-Ney language model estimation", 3.2.
@safe struct AdjustedCounts {
    let links: SuffixLinks
    /// How many n-grams of each order have the adjusted counts 1, 2, 3 and 4.
    let countsOfCounts: [[Int]]

    /// Writes them into `second` of the trie's rows; at the highest order they are in `first` already.
    ///
    /// - Parameter advance: Called with n-grams that are done: when they are linked and when they are counted.
    init(_ trie: NGramTrie, startToken: TokenID?, advance: (Int) -> Void = { _ in }) {
        let links = SuffixLinks(trie, advance: advance)
        self.links = links
        // A level changes the one below only, so levels are counted at once; two threads in one would count at the
        // same place.
        ThreadPool.shared.run(max(0, trie.order - 1)) { level in
            let lower = trie.rows[level]
            let upper = trie.rows[level + 1]
            let adjusted = lower.second
            let links = unsafe links.pointer(level + 1)
            LevelParts.inOrder(lower.count, in: trie.workspace) { part in
                for index in part { adjusted[index] = 0 }
            }
            // Each thread has a window.
            let windows = LevelParts.windows(lower.count, in: trie.workspace) {
                $0 * 16 * min(ThreadPool.shared.threadCount, trie.order - 1)
            }
            for window in windows {
                LevelParts.inOrder(upper.count, in: trie.workspace) { part in
                    for index in part {
                        let link = unsafe Int(links?[index] ?? upper.token(index))
                        if window.contains(link) { adjusted[link] += 1 }
                    }
                }
            }
            LevelParts.inOrder(lower.count, in: trie.workspace) { part in
                for index in part where adjusted[index] == 0 {
                    adjusted[index] = lower.first[index]
                }
            }
        }
        if let startToken { trie.adjusted(0)[Int(startToken)] = 0 }
        countsOfCounts = (0..<trie.order).map { level in
            var counts = [0, 0, 0, 0, 0]
            let adjusted = trie.adjusted(level)
            for index in 0..<trie.counts[level] {
                let count = adjusted[index]
                if count < 5 { counts[Int(count)] += 1 }
                if index & (1 << 18 - 1) == 0 { trie.workspace.relieve() }
            }
            advance(trie.counts[level])
            return Array(counts[1...])
        }
    }
}
