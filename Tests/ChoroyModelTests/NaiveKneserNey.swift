import ChoroyModel
import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Interpolated modified Kneser-Ney smoothing as its definition reads, with dictionaries.
struct NaiveKneserNey {
    private var counts: [[[Int]: UInt32]]
    private let discounts: [Discounts]
    private let vocabularySize: Int
    private let order: Int

    /// - Parameter sequences: each with its marks; ids of `vocabularySize` and above are `<s>`.
    init(order: Int, _ sequences: [[Int]], vocabularySize: Int) {
        self.order = order
        self.vocabularySize = vocabularySize
        var raw = [[[Int]: UInt32]](repeating: [:], count: order)
        for sequence in sequences {
            for start in sequence.indices {
                for length in 1...order where start + length <= sequence.count {
                    raw[length - 1][Array(sequence[start..<start + length]), default: 0] += 1
                }
            }
        }
        counts = raw
        for length in 1..<max(1, order) {
            var left: [[Int]: UInt32] = [:]
            for gram in raw[length].keys { left[Array(gram.dropFirst()), default: 0] += 1 }
            for gram in raw[length - 1].keys {
                counts[length - 1][gram] = left[gram] ?? raw[length - 1][gram]
            }
        }
        counts[0][[vocabularySize]] = nil
        discounts = counts.map { table in
            Discounts(countsOfCounts: (1...4).map { count in table.values.count { $0 == count } })
        }
    }

    func probability(_ token: Int, after context: [Int]) -> Double {
        let context = Array(context.suffix(order - 1))
        let lower =
            context.isEmpty
            ? 1 / Double(vocabularySize) : probability(token, after: Array(context.dropFirst()))
        let table = counts[context.count]
        let values = discounts[context.count].values
        var total = 0.0
        var taken = 0.0
        for (gram, count) in table where Array(gram.dropLast()) == context {
            total += Double(count)
            taken += values[Int(min(3, count))]
        }
        if total == 0 { return lower }
        let count = table[context + [token]] ?? 0
        return (Double(count) - values[Int(min(3, count))]) / total + taken / total * lower
    }
}
