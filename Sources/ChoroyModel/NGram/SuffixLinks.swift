import ChoroySystem
import ChoroyText

/// For each n-gram of a trie the place of the same n-gram without its first token, one order down.
@safe struct SuffixLinks: Sendable {
    /// For each level from 1 the links of its rows; level 0 has none, and the links of level 1 are its tokens.
    private let links: [LargeArray<UInt32>]

    /// - Precondition: with each n-gram the trie has its end.
    init(_ trie: NGramTrie) {
        var links: [LargeArray<UInt32>] = []
        for level in 2..<max(2, trie.order) {
            let made = LargeArray<UInt32>(count: trie.counts[level], in: trie.workspace)
            unsafe Self.link(trie, level, parents: links.last?.pointer, made.pointer)
            links.append(made)
        }
        self.links = links
    }

    /// The links of a level's rows; nil where they are the tokens. They live as long as this.
    @inline(__always)
    func pointer(_ level: Int) -> UnsafeMutablePointer<UInt32>? {
        unsafe level < 2 ? nil : links[level - 2].pointer
    }

    private static func link(
        _ trie: NGramTrie, _ level: Int, parents: UnsafeMutablePointer<UInt32>?,
        _ links: UnsafeMutablePointer<UInt32>
    ) {
        let upper = trie.rows[level]
        let middle = trie.rows[level - 1]
        let lower = trie.rows[level - 2]
        LevelParts.run(middle.count, in: trie.workspace) { part in
            for parent in part {
                let own = middle.children(parent)
                if own.isEmpty { continue }
                let suffix = unsafe Int(parents?[parent] ?? middle.token(parent))
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

/// The rows of a level in parts: whole words of 64 rows, so that two share no byte of packed bits.
enum LevelParts {
    /// Rows of a part: fewer where memory is short, since each row may bring pages of other levels.
    private static func size(_ workspace: Workspace) -> Int {
        workspace.budget == nil ? 1 << 14 : 1 << 12
    }

    /// Calls `body` with each part, by all threads.
    static func run(
        _ count: Int, in workspace: Workspace = .unlimited, _ body: (Range<Int>) -> Void
    ) {
        let size = size(workspace)
        ThreadPool.shared.run((count + size - 1) / size) { part in
            body(part * size..<min(count, (part + 1) * size))
            workspace.relieve()
        }
    }

    /// Calls `body` with one part after the other.
    static func inOrder(_ count: Int, in workspace: Workspace, _ body: (Range<Int>) -> Void) {
        let size = size(workspace)
        for start in stride(from: 0, to: count, by: size) {
            body(start..<min(count, start + size))
            workspace.relieve()
        }
    }
}
