import ChoroySystem

/// How often each n-gram of the orders 1...order occurs, as a trie.
///
/// In the order 1 every id has a row, whether it occurs or not. `first` of a row is the count.
@safe struct NGramCounts {
    let trie: NGramTrie

    /// - Parameter progress: Called now and then with the tokens that are counted, and with all.
    init(
        _ sequences: NGramSequences, order: Int,
        progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) {
        let workspace = sequences.workspace
        defer { withExtendedLifetime(sequences) {} }
        let tokens = unsafe sequences.tokens.count
        let alphabet = sequences.alphabetSize
        trie = NGramTrie(
            capacities: (0..<order).map { $0 == 0 ? alphabet : tokens }, in: workspace)
        var counts = [Int](repeating: 0, count: order)
        counts[0] = alphabet
        trie.grow(to: counts)
        let room = SuffixOrder.Room(depth: order)
        var done = 0
        SuffixWindow.forEach(
            sequences, depth: order, limit: Self.limit(workspace, tokens, order),
            ngram: { token, level, count in
                if level == 0 {
                    beginRow(token, UInt32(count), child: order > 1 ? counts[1] : 0)
                } else {
                    addRow(token, level, UInt32(count), to: &counts)
                }
            },
            window: { window in
                if order > 1 {
                    add(SuffixOrder(sequences, window, in: room), to: &counts)
                } else {
                    for (bucket, token) in window.tokens.enumerated() {
                        beginRow(token, UInt32(window.starts[bucket + 1] - window.starts[bucket]))
                    }
                }
                done += window.count
                progress(done, tokens)
            })
        trie.closeChildren()
    }

    /// Suffixes of a window. Each window reads the whole text once, so few are better where there is memory.
    private static func limit(_ workspace: Workspace, _ tokens: Int, _ order: Int) -> Int {
        if order == 1 { return .max }
        guard let budget = workspace.budget else { return max(1 << 22, tokens / 8) }
        return max(1 << 10, budget / 4 / SuffixOrder.Room.bytesPerSuffix(depth: order))
    }

    /// Begins the row of an id; at orders above 1 its continuations begin where the next row of two tokens comes.
    private func beginRow(_ token: Int, _ count: UInt32, child: Int = 0) {
        let rows = trie.rows[0]
        unsafe rows.pointer[token * rows.width] = UInt32(token)
        rows.first[token] = count
        if trie.order > 1 { unsafe rows.pointer[token * 4 + 3] = UInt32(child) }
    }

    /// Adds the next row of an order above 1.
    private func addRow(_ token: Int, _ level: Int, _ count: UInt32, to counts: inout [Int]) {
        counts[level] += 1
        trie.grow(to: counts)
        let rows = trie.rows[level]
        let row = unsafe rows.pointer + (rows.count - 1) * rows.width
        unsafe row[0] = UInt32(token)
        unsafe row[1] = count
        if level + 1 < trie.order { unsafe row[3] = UInt32(counts[level + 1]) }
    }

    /// Adds the n-grams that the suffixes of a window begin with.
    ///
    /// - Parameter counts: n-grams of each order before, then with these.
    private func add(_ suffixes: SuffixOrder, to counts: inout [Int]) {
        let order = trie.order
        let parts = suffixes.parts
        let starts = suffixes.window.starts
        let prefix = suffixes.window.prefix.count
        // made[part * order + level]: n-grams of each order in a part, then those before it.
        let made = LargeArray<Int>(count: parts.count * order)
        ThreadPool.shared.run(parts.count) { part in
            let found = unsafe made.pointer + part * order
            for slot in starts[parts[part].lowerBound]..<starts[parts[part].upperBound] {
                let common = max(1, prefix, suffixes.common(slot))
                for level in common..<max(common, suffixes.length(slot)) {
                    unsafe found[level] += 1
                }
            }
        }
        for part in parts.indices {
            for level in max(1, prefix)..<order {
                let own = unsafe made.pointer[part * order + level]
                unsafe made.pointer[part * order + level] = counts[level]
                counts[level] += own
            }
        }
        trie.grow(to: counts)
        ThreadPool.shared.run(parts.count) { part in
            unsafe fill(suffixes, parts[part], made: made.pointer + part * order)
            trie.workspace.relieve()
        }
    }

    /// Writes the rows of the n-grams in some buckets.
    ///
    /// - Parameter made: n-grams of each order that come before them.
    private func fill(
        _ suffixes: SuffixOrder, _ part: Range<Int>, made: UnsafeMutablePointer<Int>
    ) {
        let order = trie.order
        let rows = trie.rows
        let window = suffixes.window
        // Up to here the rows are there already, or are begun for each bucket.
        let least = max(1, window.prefix.count)
        // open[k]: the row of k + 1 tokens that the current suffix begins with; since[k]: its slot.
        var open = [Int](repeating: 0, count: order)
        var since = [Int](repeating: 0, count: order)
        for index in part {
            let bucket = window.starts[index]..<window.starts[index + 1]
            if index & 255 == 0 { trie.workspace.relieve() }
            if window.prefix.isEmpty {
                unsafe beginRow(
                    window.tokens.lowerBound + index, UInt32(bucket.count), child: made[1])
            }
            var depth = least
            for slot in bucket {
                if slot & 0x3FFF == 0 { trie.workspace.relieve() }
                let common = max(least, suffixes.common(slot))
                let length = suffixes.length(slot)
                for level in common..<max(common, depth) {
                    rows[level].first[open[level]] = UInt32(slot - since[level])
                }
                let numbers = unsafe suffixes.numbers(slot)
                for level in common..<max(common, length) {
                    let place = unsafe made[level]
                    unsafe made[level] = place + 1
                    let row = unsafe rows[level].pointer + place * rows[level].width
                    unsafe row[0] = unsafe numbers[level - 1] - 1
                    if level + 1 < order { unsafe row[3] = unsafe UInt32(made[level + 1]) }
                    open[level] = place
                    since[level] = slot
                }
                depth = length
            }
            for level in least..<max(least, depth) {
                rows[level].first[open[level]] = UInt32(bucket.upperBound - since[level])
            }
        }
    }
}
