import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What rounding the logarithms of a model to 8 bits costs, in base 10.
public struct QuantizationCost: Sendable, Equatable {
    /// The root of the mean square of the differences.
    public fileprivate(set) var logProbability = 0.0
    public fileprivate(set) var backoff = 0.0
}

/// For each order from 2 the 256 values that stand for the logarithms of its probabilities, and as many for those of
/// its back-off weights.
///
/// Values start as means of equally many numbers and are then moved so that the squares of the differences become least.
/// Source: Lloyd 1982, "Least squares quantization in PCM".
struct NGramCodebooks {
    /// For each order from 2; the second is empty at the highest.
    private(set) var tables: [(logProbabilities: Codebook, backoffs: Codebook)] = []
    private(set) var cost = QuantizationCost()

    init(_ levels: FastLevels, in workspace: Workspace) {
        var squares = (0.0, 0.0)
        var counts = (0, 0)
        for level in 1..<max(1, levels.order) {
            let rows = unsafe levels.rows[level]
            let isHighest = level + 1 == levels.order
            let own = (
                logProbabilities: Codebook(rows.first, count: rows.count, in: workspace),
                backoffs: Codebook(rows.second, count: isHighest ? 0 : rows.count, in: workspace)
            )
            squares.0 += own.logProbabilities.squares
            squares.1 += own.backoffs.squares
            counts.0 += rows.count
            counts.1 += isHighest ? 0 : rows.count
            tables.append(own)
        }
        cost.logProbability = (squares.0 / Double(max(1, counts.0))).squareRoot()
        cost.backoff = (squares.1 / Double(max(1, counts.1))).squareRoot()
    }
}

/// 256 ascending values that stand for many.
struct Codebook {
    private(set) var values: [Float]
    /// The sum of the squares of the differences.
    private(set) var squares = 0.0

    /// At most so many numbers are looked at to find the values.
    private static let sampleSize = 1 << 18

    init(_ column: NGramRows.Column, count: Int, in workspace: Workspace) {
        let step = max(1, count / Self.sampleSize)
        let sample = stride(from: 0, to: count, by: step).map { index in
            if index / step & 0xFFF == 0 { workspace.relieve() }
            return column.float(index)
        }.sorted()
        values = Self.values(sample)
        if sample.isEmpty { return }
        for index in 0..<count {
            if index & 0xFFFF == 0 { workspace.relieve() }
            let value = column.float(index)
            let difference = Double(value - values[code(value)])
            squares += difference * difference
        }
    }

    private static func values(_ sorted: [Float]) -> [Float] {
        if sorted.isEmpty { return [Float](repeating: 0, count: 256) }
        // sums[i]: of the first i numbers.
        var sums = [0.0]
        for value in sorted { sums.append(sums[sums.count - 1] + Double(value)) }
        var cuts = (0...256).map { $0 * sorted.count / 256 }
        var values = [Float](repeating: sorted[0], count: 256)
        for _ in 0..<30 {
            for code in 0..<256 {
                let (low, high) = (cuts[code], cuts[code + 1])
                values[code] =
                    high > low
                    ? Float((sums[high] - sums[low]) / Double(high - low))
                    : code > 0 ? values[code - 1] : sorted[0]
            }
            for code in 1..<256 {
                let border = (values[code - 1] + values[code]) / 2
                cuts[code] = max(cuts[code - 1], Self.firstAbove(border, sorted))
            }
        }
        return values.sorted()
    }

    private static func firstAbove(_ border: Float, _ sorted: [Float]) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = low + (high - low) / 2
            if sorted[middle] <= border { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The number of the nearest value.
    func code(_ value: Float) -> Int {
        var (low, high) = (0, 255)
        while low < high {
            let middle = low + (high - low) / 2
            if values[middle] < value { low = middle + 1 } else { high = middle }
        }
        if low > 0 && value - values[low - 1] < values[low] - value { low -= 1 }
        return low
    }
}
