import ChoroySystem
import ChoroyText

/// The n-grams of all orders while a model is made; `NGramRows` tells what a row holds.
@safe final class NGramTrie: @unchecked Sendable {
    private let memory: [GrowingArray<UInt32>]
    /// For each order from 1.
    private(set) var rows: [NGramRows] = []

    var order: Int { memory.count }
    var counts: [Int] { rows.map { $0.count } }

    /// Where the rows found memory.
    let workspace: Workspace

    /// Room for so many rows of each order, and none yet.
    init(capacities: [Int], in workspace: Workspace) {
        self.workspace = workspace
        memory = capacities.indices.map { level in
            GrowingArray(
                capacity: Self.size(
                    capacities[level], isHighest: level + 1 == capacities.count),
                in: workspace)
        }
        grow(to: capacities.map { _ in 0 })
    }

    /// Rows of zeros.
    convenience init(counts: [Int], in workspace: Workspace = .unlimited) {
        self.init(capacities: counts, in: workspace)
        grow(to: counts)
    }

    /// Numbers of so many rows, and of one more that ends the continuations.
    private static func size(_ count: Int, isHighest: Bool) -> Int {
        isHighest ? count * 2 : (count + 1) * 4
    }

    /// Adds rows of zeros.
    func grow(to counts: [Int]) {
        rows = counts.indices.map { level in
            let isHighest = level + 1 == order
            memory[level].grow(to: Self.size(counts[level], isHighest: isHighest))
            return unsafe NGramRows(
                pointer: memory[level].pointer, count: counts[level], width: isHighest ? 2 : 4)
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
