import ChoroySystem
import ChoroyText

/// Suffixes that are sorted together: those that begin with some tokens, or with one token and then some.
///
/// They lie in buckets, one for each of these tokens.
struct SuffixWindow {
    /// The first tokens; a single one when `second` says what follows it.
    let first: Range<Int>
    /// The numbers of the second tokens: 0 for a suffix that ends after the first, else one more than the token.
    let second: Range<Int>?
    /// Where each bucket starts; one entry more at the end.
    let starts: [Int]

    /// Whether no suffix has more tokens than the bucket says: one bucket of them.
    let isShort: Bool

    var count: Int { starts[starts.count - 1] }

    var buckets: Range<Int> { 0..<starts.count - 1 }

    /// Tokens that all suffixes of a bucket have in common, when they are so long.
    var prefix: Int { second == nil ? 1 : 2 }

    private init(
        first: Range<Int>, second: Range<Int>? = nil, counts: ArraySlice<Int>,
        isShort: Bool = false
    ) {
        self.isShort = isShort
        self.first = first
        self.second = second
        var starts = [0]
        starts.reserveCapacity(counts.count + 1)
        for count in counts { starts.append(starts[starts.count - 1] + count) }
        self.starts = starts
    }

    /// Calls `body` with one window after the other, in the order of the suffixes, of at most `limit` suffixes each;
    /// more only where more begin with the same two tokens.
    static func forEach(
        _ sequences: NGramSequences, limit: Int, _ body: (SuffixWindow) -> Void
    ) {
        let counts = firsts(sequences)
        var low = 0
        while low < counts.count {
            if counts[low] > limit {
                let seconds = seconds(sequences, after: UInt32(low))
                // After an end mark nothing comes; there may be very many.
                let short = [0] + (sequences.endToken.map { [Int($0) + 1] } ?? [])
                var start = 0
                while start < seconds.count {
                    let isShort = short.contains(start)
                    let next = short.first { $0 > start } ?? seconds.count
                    let end =
                        isShort ? start + 1 : end(seconds[..<next], from: start, limit: limit)
                    defer { start = end }
                    if isShort && seconds[start] == 0 { continue }
                    body(
                        SuffixWindow(
                            first: low..<low + 1, second: start..<end, counts: seconds[start..<end],
                            isShort: isShort))
                }
                low += 1
            } else {
                let end = end(counts[...], from: low, limit: limit)
                body(SuffixWindow(first: low..<end, counts: counts[low..<end]))
                low = end
            }
        }
    }

    /// Up to where the counts are `limit` or less in all; at least one further.
    private static func end(_ counts: ArraySlice<Int>, from start: Int, limit: Int) -> Int {
        var end = start + 1
        var sum = counts[start]
        while end < counts.endIndex, sum + counts[end] <= limit {
            sum += counts[end]
            end += 1
        }
        return end
    }

    /// How many suffixes begin with each token.
    private static func firsts(_ sequences: NGramSequences) -> [Int] {
        var counts = [Int](repeating: 0, count: sequences.alphabetSize)
        let tokens = unsafe sequences.tokens
        for place in tokens.indices {
            unsafe counts[Int(tokens[place] & ~NGramSequences.end)] += 1
            if place & (1 << 18 - 1) == 0 { sequences.workspace.relieve() }
        }
        return counts
    }

    /// The same for the second tokens, by their numbers.
    private static func seconds(_ sequences: NGramSequences, after first: UInt32) -> [Int] {
        var counts = [Int](repeating: 0, count: sequences.alphabetSize + 1)
        let tokens = unsafe sequences.tokens
        for place in tokens.indices {
            if place & (1 << 18 - 1) == 0 { sequences.workspace.relieve() }
            if unsafe tokens[place] & ~NGramSequences.end == first {
                unsafe counts[Int(number(tokens, after: place))] += 1
            }
        }
        return counts
    }

    /// The number of the token after a place.
    @inline(__always)
    static func number(_ tokens: UnsafeBufferPointer<UInt32>, after place: Int) -> UInt32 {
        if unsafe tokens[place] & NGramSequences.end != 0 || place + 1 == tokens.count { return 0 }
        return unsafe tokens[place + 1] & ~NGramSequences.end + 1
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
        if start < buckets.count { cuts.append(start..<buckets.count) }
        return cuts
    }
}
