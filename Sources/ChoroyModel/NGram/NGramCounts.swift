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
        SuffixWindow.forEach(sequences, limit: Self.limit(workspace, tokens, order)) { window in
            if window.isShort {
                addShort(window, to: &counts)
            } else if order == 1 {
                for (bucket, token) in window.first.enumerated() {
                    beginRow(token, UInt32(window.starts[bucket + 1] - window.starts[bucket]))
                }
            } else {
                add(SuffixOrder(sequences, window, in: room), to: &counts)
            }
            done += window.count
            progress(done, tokens)
        }
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

    /// Adds the n-gram that suffixes of one or two tokens are.
    private func addShort(_ window: SuffixWindow, to counts: inout [Int]) {
        let number = window.second?.lowerBound ?? 0
        addFirst(of: window, child: counts[1])
        if number == 0 { return }
        counts[1] += 1
        trie.grow(to: counts)
        let rows = trie.rows[1]
        let row = unsafe rows.pointer + (rows.count - 1) * rows.width
        unsafe row[0] = UInt32(number - 1)
        unsafe row[1] = UInt32(window.count)
        if trie.order > 2 { unsafe row[3] = UInt32(counts[2]) }
    }

    /// Adds to the row of the token that a window's suffixes begin with. Of several windows the first says where its
    /// continuations are.
    private func addFirst(of window: SuffixWindow, child: Int) {
        let token = window.first.lowerBound
        if trie.rows[0].first[token] == 0 { beginRow(token, 0, child: child) }
        trie.rows[0].first[token] += UInt32(window.count)
    }

    /// Adds the n-grams that the suffixes of a window begin with.
    ///
    /// - Parameter counts: n-grams of each order before, then with these.
    private func add(_ suffixes: SuffixOrder, to counts: inout [Int]) {
        let order = trie.order
        let parts = suffixes.parts
        let starts = suffixes.window.starts
        // made[part * order + level]: n-grams of each order in a part, then those before it.
        let made = LargeArray<Int>(count: parts.count * order)
        ThreadPool.shared.run(parts.count) { part in
            let found = unsafe made.pointer + part * order
            for slot in starts[parts[part].lowerBound]..<starts[parts[part].upperBound] {
                let common = max(1, suffixes.common(slot))
                for level in common..<max(common, suffixes.length(slot)) {
                    unsafe found[level] += 1
                }
            }
        }
        if suffixes.window.second != nil { addFirst(of: suffixes.window, child: counts[1]) }
        for part in parts.indices {
            for level in 1..<order {
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
        // open[k]: the row of k + 1 tokens that the current suffix begins with; since[k]: its slot.
        var open = [Int](repeating: 0, count: order)
        var since = [Int](repeating: 0, count: order)
        for index in part {
            let bucket = window.starts[index]..<window.starts[index + 1]
            if index & 255 == 0 { trie.workspace.relieve() }
            if window.second == nil {
                unsafe beginRow(
                    window.first.lowerBound + index, UInt32(bucket.count), child: made[1])
            }
            var depth = 1
            for slot in bucket {
                if slot & 0x3FFF == 0 { trie.workspace.relieve() }
                let common = max(1, suffixes.common(slot))
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
            for level in 1..<max(1, depth) {
                rows[level].first[open[level]] = UInt32(bucket.upperBound - since[level])
            }
        }
    }
}
