import ChoroySystem

/// The rows of a level in parts.
enum LevelParts {
    /// Rows of a part: fewer where memory is short, since each row may bring pages of other levels.
    private static func size(_ workspace: Workspace) -> Int {
        workspace.budget == nil ? 1 << 14 : 1 << 12
    }

    /// Calls `body` with each part, by all threads: whole words of 64 rows, so that two share no byte of packed bits.
    static func run(
        _ count: Int, in workspace: Workspace = .unlimited, _ body: (Range<Int>) -> Void
    ) {
        let size = size(workspace)
        ThreadPool.shared.run((count + size - 1) / size) { part in
            body(part * size..<min(count, (part + 1) * size))
            workspace.relieve()
        }
    }

    /// Calls `body` with parts that have about as many rows and continuations together, by all threads.
    static func run(
        _ rows: NGramRows, children: Int, in workspace: Workspace,
        _ body: (Range<Int>) -> Void
    ) {
        let size = size(workspace)
        let parts = max(1, (rows.count + children + size - 1) / size)
        /// The first row that has `part` parts before it.
        func start(_ part: Int) -> Int {
            if part == 0 { return 0 }
            if part == parts { return rows.count }
            var (low, high) = (0, rows.count)
            while low < high {
                let middle = low + (high - low) / 2
                if middle + rows.firstChild(middle) < part * size {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }
        ThreadPool.shared.run(parts) { part in
            body(start(part)..<start(part + 1))
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

    /// Rows in ranges that memory holds whole, for those that are looked up in any order.
    ///
    /// - Parameter size: of so many first rows, in bytes.
    static func windows(
        _ count: Int, in workspace: Workspace, size: (Int) -> Int
    ) -> [Range<Int>] {
        var windows: [Range<Int>] = []
        var start = 0
        while start < count {
            // The end of the largest range that fits; of one row if none does.
            var (low, high) = (start + 1, count)
            while low < high {
                let middle = high - (high - low) / 2
                if size(middle) - size(start) <= workspace.window {
                    low = middle
                } else {
                    high = middle - 1
                }
            }
            workspace.relieve()
            windows.append(start..<low)
            start = low
        }
        return windows
    }
}
