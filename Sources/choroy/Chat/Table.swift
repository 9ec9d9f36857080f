/// Rows whose columns stand under each other.
package enum Table {
    /// Two spaces between columns, none at the end of a line.
    package static func lines(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, text) in row.enumerated() {
                line += text
                guard column + 1 < row.count else { continue }
                line += String(repeating: " ", count: widths[column] - text.count + 2)
            }
            return line
        }
    }
}
