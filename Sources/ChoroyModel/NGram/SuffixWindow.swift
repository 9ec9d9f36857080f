import ChoroySystem
import ChoroyText

/// Suffixes that are sorted together: those that begin with some tokens, and then with one of many.
///
/// They lie in buckets, one for each of the tokens after the first ones.
struct SuffixWindow {
    /// What all suffixes begin with; often nothing.
    let prefix: [UInt32]
    /// The token after `prefix` of each bucket.
    let tokens: Range<Int>
    /// Where each bucket starts; one entry more at the end.
    let starts: [Int]

    var count: Int { starts[starts.count - 1] }

    var buckets: Range<Int> { 0..<starts.count - 1 }

    private init(_ prefix: [UInt32], _ tokens: Range<Int>, _ counts: [Int]) {
        self.prefix = prefix
        self.tokens = tokens
        var starts = [0]
        starts.reserveCapacity(tokens.count + 1)
        for token in tokens { starts.append(starts[starts.count - 1] + counts[token]) }
        self.starts = starts
    }

    /// Goes through the suffixes of a text in their order.
    ///
    /// - Parameters:
    ///   - depth: Tokens of a suffix that count.
    ///   - limit: Most suffixes of a window.
    ///   - ngram: Called for an n-gram that more suffixes begin with, before the windows of these: its last token, its
    ///     tokens but one, and how many they are. Nothing follows for an end mark, or one of `depth` tokens.
    ///   - window: Called for the suffixes of each window. Those that end after the prefix are in none.
    static func forEach(
        _ sequences: NGramSequences, depth: Int, limit: Int,
        ngram: (_ token: Int, _ level: Int, _ count: Int) -> Void, window: (SuffixWindow) -> Void
    ) {
        func go(_ prefix: [UInt32]) {
            let counts = counts(sequences, prefix)
            let level = prefix.count
            var low = 0
            while low < counts.count {
                let isEnd = level > 0 && low == sequences.endToken.map { Int($0) }
                if counts[low] > limit || isEnd {
                    if counts[low] > 0 { ngram(low, level, counts[low]) }
                    if !isEnd && level + 1 < depth { go(prefix + [UInt32(low)]) }
                    low += 1
                    continue
                }
                var high = low
                var sum = 0
                while high < counts.count, sum + counts[high] <= limit,
                    !(level > 0 && high == sequences.endToken.map { Int($0) })
                {
                    sum += counts[high]
                    high += 1
                }
                // Of the first tokens each has its row, whether it occurs or not.
                if sum > 0 || level == 0 { window(SuffixWindow(prefix, low..<high, counts)) }
                low = high
            }
        }
        go([])
    }

    /// How many suffixes begin with `prefix` and then each token.
    private static func counts(_ sequences: NGramSequences, _ prefix: [UInt32]) -> [Int] {
        var counts = [Int](repeating: 0, count: sequences.alphabetSize)
        forEachPlace(sequences, prefix) { _, token in counts[Int(token)] += 1 }
        return counts
    }

    /// Calls `body` with each place where `prefix` stands and a token follows, and with that token.
    @inline(__always)
    static func forEachPlace(
        _ sequences: NGramSequences, _ prefix: [UInt32], _ body: (Int, UInt32) -> Void
    ) {
        let tokens = unsafe sequences.tokens
        for start in stride(from: 0, to: tokens.count, by: 1 << 18) {
            sequences.workspace.relieve()
            let places = start..<min(tokens.count, start + 1 << 18)
            guard let first = prefix.first else {
                for place in places { unsafe body(place, tokens[place] & ~NGramSequences.end) }
                continue
            }
            // A token with an end mark is another number, so nothing is found across an end.
            for place in places where unsafe tokens[place] == first {
                var next = place + 1
                for token in prefix.dropFirst() {
                    guard unsafe next < tokens.count && tokens[next] == token else { break }
                    next += 1
                }
                guard next - place == prefix.count, next < tokens.count else { continue }
                unsafe body(place, tokens[next] & ~NGramSequences.end)
            }
        }
    }

    /// Buckets in ranges with about as many suffixes each.
    func cuts(into count: Int) -> [Range<Int>] {
        let total = self.count
        var cuts: [Range<Int>] = []
        var start = 0
        for cut in 1...max(1, count) {
            var end = start
            while end < buckets.count && (cut == count || starts[end + 1] <= total * cut / count) {
                end += 1
            }
            if end > start { cuts.append(start..<end) }
            start = end
        }
        return cuts
    }
}
