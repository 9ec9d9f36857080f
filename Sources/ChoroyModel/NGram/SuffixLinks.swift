import ChoroySystem
import ChoroyText

/// For each n-gram of a trie the place of the same n-gram without its first token, one order down.
@safe struct SuffixLinks: Sendable {
    /// For each level from 1 the links of its rows; level 0 has none, and the links of level 1 are its tokens.
    private let links: [LargeArray<UInt32>]

    /// - Parameter advance: Called with n-grams that are done.
    /// - Precondition: with each n-gram the trie has its end.
    init(_ trie: NGramTrie, advance: (Int) -> Void = { _ in }) {
        var links: [LargeArray<UInt32>] = []
        for level in 2..<max(2, trie.order) {
            let made = LargeArray<UInt32>(count: trie.counts[level], in: trie.workspace)
            unsafe Self.link(trie, level, parents: links.last?.pointer, made.pointer)
            links.append(made)
            advance(trie.counts[level])
        }
        self.links = links
    }

    /// The links of a level's rows; nil where they are the tokens. They live as long as this.
    @inline(__always)
    func pointer(_ level: Int) -> UnsafeMutablePointer<UInt32>? {
        unsafe level < 2 ? nil : links[level - 2].pointer
    }

    /// Marks a number that is in the place of a link.
    private static let taken: UInt32 = 1 << 31

    /// Puts into the place of each link the positive `Float` of the row it leads to; the links are lost.
    func take(_ level: Int, from rows: NGramRows) {
        guard let links = unsafe pointer(level) else { return }
        let count = self.links[level - 2].count
        let workspace = self.links[level - 2].workspace
        let column = rows.first
        for window in LevelParts.windows(
            rows.count, in: workspace, size: { $0 * rows.width * 4 })
        {
            LevelParts.run(count, in: workspace) { part in
                for index in part {
                    // What is taken lies beyond every window.
                    let link = unsafe Int(links[index])
                    if window.contains(link) {
                        unsafe links[index] = column[link] | Self.taken
                    }
                }
            }
        }
    }

    /// What `take` put there for a row; at level 1 the `Float` of its token's row.
    @inline(__always)
    static func number(
        _ taken: UnsafeMutablePointer<UInt32>?, _ index: Int, token: Int, _ rows: NGramRows
    ) -> Float {
        guard let taken = unsafe taken else { return rows.first.float(token) }
        return unsafe Float(bitPattern: taken[index] & ~Self.taken)
    }

    private static func link(
        _ trie: NGramTrie, _ level: Int, parents: UnsafeMutablePointer<UInt32>?,
        _ links: UnsafeMutablePointer<UInt32>
    ) {
        let upper = trie.rows[level]
        let middle = trie.rows[level - 1]
        let lower = trie.rows[level - 2]
        let windows = LevelParts.windows(lower.count, in: trie.workspace) {
            ($0 + lower.firstChild($0)) * 16
        }
        for window in windows {
            LevelParts.run(middle, children: upper.count, in: trie.workspace) { part in
                for parent in part {
                    let own = middle.children(parent)
                    let suffix = unsafe Int(parents?[parent] ?? middle.token(parent))
                    if own.isEmpty || !window.contains(suffix) { continue }
                    let range = lower.children(suffix)
                    var low = range.lowerBound
                    for index in own {
                        let token = upper.token(index)
                        low = search(middle, token, from: low, to: range.upperBound)
                        precondition(
                            low < range.upperBound, "n-gram \(index) of \(level + 1) has no suffix")
                        unsafe links[index] = UInt32(low)
                        low += 1
                    }
                }
            }
        }
    }

    /// The first place in `low..<high` whose token is not below `token`: steps that double, then halves.
    @inline(__always)
    private static func search(_ rows: NGramRows, _ token: UInt32, from low: Int, to high: Int)
        -> Int
    {
        var step = 1
        var low = low
        var bound = low
        while bound < high && rows.token(bound) < token {
            low = bound + 1
            bound += step
            step *= 2
        }
        bound = min(bound, high)
        while low < bound {
            let middle = low + (bound - low) / 2
            if rows.token(middle) < token { low = middle + 1 } else { bound = middle }
        }
        return low
    }
}
