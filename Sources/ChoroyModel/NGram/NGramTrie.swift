import ChoroySystem
import ChoroyText

/// The n-grams of all orders in memory; `NGramRows` tells what a row holds.
@safe final class NGramTrie: @unchecked Sendable {
    private let memory: [LargeArray<UInt32>]
    /// For each order from 1.
    let rows: [NGramRows]

    var order: Int { rows.count }
    var counts: [Int] { rows.map { $0.count } }

    /// Where the rows found memory.
    let workspace: Workspace

    /// Rows of zeros.
    init(counts: [Int], in workspace: Workspace = .unlimited) {
        self.workspace = workspace
        memory = counts.indices.map { level in
            let isHighest = level + 1 == counts.count
            return LargeArray(
                count: isHighest ? counts[level] * 2 : (counts[level] + 1) * 4, in: workspace)
        }
        rows = zip(memory, counts.indices).map { memory, level in
            unsafe NGramRows(
                pointer: memory.pointer, count: counts[level],
                width: level + 1 == counts.count ? 2 : 4)
        }
    }

    /// The adjusted counts of a level.
    func adjusted(_ level: Int) -> NGramRows.Column {
        level + 1 == order ? rows[level].first : rows[level].second
    }

    /// Ends the continuations of the last n-gram of each order.
    func closeChildren() {
        for level in 0..<order - 1 {
            let row = unsafe rows[level].pointer + rows[level].count * 4
            unsafe row[0] = UInt32.max
            unsafe row[3] = UInt32(rows[level + 1].count)
        }
    }

    /// The n-grams of a model of any layout.
    convenience init<Levels: NGramLevels>(copying levels: Levels) {
        self.init(counts: levels.counts)
        for level in 0..<order {
            let rows = rows[level]
            LevelParts.run(rows.count) { part in
                for index in part {
                    let row = unsafe rows.pointer + index * rows.width
                    unsafe row[0] = levels.token(level, index)
                    unsafe row[1] = levels.logProbability(level, index).bitPattern
                    if rows.width == 2 { continue }
                    unsafe row[2] = levels.backoff(level, index).bitPattern
                    unsafe row[3] = UInt32(levels.children(level, index).lowerBound)
                }
            }
        }
        closeChildren()
    }
}
