/// A small line chart of characters: a loss curve in the terminal.
package struct Chart {
    /// Points; those that are not finite are left out.
    package var points: [(x: Double, y: Double)]
    package var title: String
    /// Size of the plotted area in characters.
    package var width: Int
    package var height: Int
    /// Only ASCII: `*` instead of braille dots.
    package var isPlain: Bool

    package init(
        _ points: [(x: Double, y: Double)], title: String, width: Int = 60, height: Int = 10,
        isPlain: Bool = false
    ) {
        precondition(width > 0 && height > 0, "Chart: \(width) × \(height) characters")
        self.points = points.filter { $0.x.isFinite && $0.y.isFinite }.sorted { $0.x < $1.x }
        self.title = title
        self.width = width
        self.height = height
        self.isPlain = isPlain
    }

    /// Title, `height` lines of the curve with its largest and smallest y before them, the x axis,
    /// and the smallest and largest x.
    package var lines: [String] {
        guard let first = points.first, let last = points.last else {
            return [title, "(nothing to draw)"]
        }
        let high = points.reduce(-Double.infinity) { max($0, $1.y) }
        let low = points.reduce(Double.infinity) { min($0, $1.y) }
        let labels = [Self.label(high), Self.label(low)]
        let margin = max(labels[0].count, labels[1].count)
        func padded(_ text: String) -> String {
            String(repeating: " ", count: margin - text.count) + text
        }
        let cells = isPlain ? plainCells(low, high) : brailleCells(low, high)
        var lines = [title]
        for (index, row) in cells.enumerated() {
            let label = index == 0 ? labels[0] : index == height - 1 ? labels[1] : ""
            lines.append("\(padded(label)) \(isPlain ? "|" : "│")\(row)")
        }
        let axis =
            isPlain
            ? "+" + String(repeating: "-", count: width)
            : "└" + String(repeating: "─", count: width)
        lines.append("\(padded("")) \(axis)")
        let (left, right) = (Self.label(first.x), Self.label(last.x))
        let gap = String(repeating: " ", count: max(1, width - left.count - right.count))
        lines.append("\(padded(""))  \(left)\(gap)\(right)")
        return lines
    }

    private static func label(_ value: Double) -> String {
        if value == value.rounded(), value.magnitude < 1e9 { return Figures.grouped(Int(value)) }
        return value.magnitude < 1e6
            ? Figures.decimal(value, value.magnitude < 10 ? 3 : 1)
            : "\(value)"
    }

    private func plainCells(_ low: Double, _ high: Double) -> [String] {
        let curve = curve(columns: width, rows: height, low, high)
        return (0..<height).map { row in
            String(curve.map { $0.contains(row) ? "*" : " " })
        }
    }

    /// Braille cells of 2 × 4 dots (U+2800: dots 1, 2, 3, 7 on the left; 4, 5, 6, 8 on the right).
    private func brailleCells(_ low: Double, _ high: Double) -> [String] {
        let bits: [[UInt32]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]
        let curve = curve(columns: 2 * width, rows: 4 * height, low, high)
        return (0..<height).map { row in
            var text = String.UnicodeScalarView()
            for cell in 0..<width {
                var pattern: UInt32 = 0x2800
                for (side, column) in [curve[2 * cell], curve[2 * cell + 1]].enumerated() {
                    for dot in 0..<4 where column.contains(4 * row + dot) {
                        pattern |= bits[side][dot]
                    }
                }
                if let scalar = Unicode.Scalar(pattern) { text.append(scalar) }
            }
            return String(text)
        }
    }

    /// For each column the rows that the curve covers there, 0 at the top.
    private func curve(columns: Int, rows: Int, _ low: Double, _ high: Double) -> [ClosedRange<Int>]
    {
        let heights = means(columns: columns).map { y in
            high > low ? Int(((high - y) / (high - low) * Double(rows - 1)).rounded()) : rows / 2
        }
        return heights.indices.map { column in
            let here = heights[column]
            guard column > 0 else { return here...here }
            let before = heights[column - 1]
            // Rows between this column and the one before, so that steep parts stay connected.
            if before < here { return before + 1...here }
            return before > here ? here...before - 1 : here...here
        }
    }

    /// The mean y of the points in each column; columns without points lie on the line between.
    private func means(columns: Int) -> [Double] {
        let (start, end) = (points[0].x, points[points.count - 1].x)
        var sums = [Double](repeating: 0, count: columns)
        var counts = [Int](repeating: 0, count: columns)
        for point in points {
            let place = end > start ? (point.x - start) / (end - start) : 0
            let column = min(columns - 1, Int(place * Double(columns)))
            sums[column] += point.y
            counts[column] += 1
        }
        let known = counts.indices.filter { counts[$0] > 0 }
        func mean(_ column: Int) -> Double { sums[column] / Double(counts[column]) }
        var means = [Double](repeating: 0, count: columns)
        var next = 0
        for column in 0..<columns {
            while next < known.count && known[next] < column { next += 1 }
            if next == known.count {
                means[column] = mean(known[known.count - 1])
            } else if next == 0 || known[next] == column {
                means[column] = mean(known[next])
            } else {
                let (a, b) = (known[next - 1], known[next])
                let share = Double(column - a) / Double(b - a)
                means[column] = mean(a) * (1 - share) + mean(b) * share
            }
        }
        return means
    }
}
