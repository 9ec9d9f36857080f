import ChoroySystem
import ChoroyText

/// The order of all positions of a text by the tokens that follow, up to `depth` of them.
///
/// A position's suffix ends with its sequence; a suffix that is the beginning of another comes first.
/// Positions are laid into a bucket for each first token, and each bucket is sorted for itself, by
/// as many of the next tokens as 64 bits hold; what is equal then is sorted by the tokens after those.
@safe struct SuffixOrder {
    let depth: Int
    /// Positions in the text, sorted.
    let positions: LargeArray<UInt32>
    /// How many tokens each sorted suffix has in common with the one before it, at most `depth`.
    let common: LargeArray<UInt8>
    /// Tokens of the suffix at each position of the text (not sorted), at most `depth`.
    let lengths: LargeArray<UInt8>
    /// Where the suffixes that begin with each token start among `positions`; one entry more at the end.
    let buckets: [Int]
    /// Tokens in parts of about the same work, in their order.
    let parts: [Range<Int>]

    init(_ sequences: NGramSequences, depth: Int) {
        precondition(depth > 0 && depth < 256, "suffixes of \(depth) tokens")
        let workspace = sequences.workspace
        let tokens = unsafe sequences.tokens
        defer { withExtendedLifetime(sequences) {} }
        let count = tokens.count
        precondition(count < UInt32.max, "SuffixOrder: \(count) tokens")
        self.depth = depth
        positions = LargeArray(count: count, in: workspace)
        common = LargeArray(count: count, in: workspace)
        lengths = LargeArray(count: count, in: workspace)
        let buckets = Self.buckets(sequences)
        self.buckets = buckets
        let parts = Self.parts(buckets)
        self.parts = parts
        let bits = UInt32.bitWidth - UInt32(sequences.alphabetSize).leadingZeroBitCount
        unsafe Self.measure(tokens, lengths.pointer, depth: depth, workspace)
        // The buckets are filled by several threads: each reads all tokens.
        let cuts = Self.cuts(buckets, into: ThreadPool.shared.threadCount)
        ThreadPool.shared.run(cuts.count) { [positions] cut in
            unsafe Self.fill(tokens, cuts[cut], buckets, positions.pointer, workspace)
        }
        ThreadPool.shared.run(parts.count) { [positions, common, lengths] part in
            let largest = parts[part].map { buckets[$0 + 1] - buckets[$0] }.max() ?? 0
            var sorter = unsafe SuffixSorter(
                tokens: tokens, lengths: lengths.pointer, positions: positions.pointer,
                common: common.pointer, depth: depth, bits: bits, capacity: largest,
                in: workspace)
            for token in parts[part] {
                unsafe sorter.sort(buckets[token]..<buckets[token + 1])
                if token & 255 == 0 { workspace.relieve() }
            }
            workspace.relieve()
        }
    }

    private static func buckets(_ sequences: NGramSequences) -> [Int] {
        var starts = [Int](repeating: 0, count: sequences.alphabetSize + 1)
        let tokens = unsafe sequences.tokens
        for place in tokens.indices {
            unsafe starts[Int(tokens[place] & ~NGramSequences.end) + 1] += 1
        }
        for token in 1..<starts.count { starts[token] += starts[token - 1] }
        return starts
    }

    /// Ranges of tokens with about as many positions each.
    private static func cuts(_ buckets: [Int], into count: Int) -> [Range<Int>] {
        let total = buckets.last ?? 0
        var cuts: [Range<Int>] = []
        var start = 0
        for cut in 1...max(1, count) {
            var end = start
            while end < buckets.count - 1
                && (cut == count || buckets[end + 1] <= total * cut / count)
            {
                end += 1
            }
            if end > start { cuts.append(start..<end) }
            start = end
        }
        if start < buckets.count - 1 { cuts.append(start..<buckets.count - 1) }
        return cuts
    }

    private static func parts(_ buckets: [Int]) -> [Range<Int>] {
        cuts(buckets, into: max(1, min(256, (buckets.last ?? 0) / 4096)))
    }

    private static func measure(
        _ tokens: UnsafeBufferPointer<UInt32>, _ lengths: UnsafeMutablePointer<UInt8>, depth: Int,
        _ workspace: Workspace
    ) {
        var length = 0
        for position in tokens.indices.reversed() {
            let isEnd = unsafe tokens[position] & NGramSequences.end != 0
            length = isEnd ? 1 : min(depth, length + 1)
            unsafe lengths[position] = UInt8(length)
            if position & (1 << 20 - 1) == 0 { workspace.relieve() }
        }
    }

    private static func fill(
        _ tokens: UnsafeBufferPointer<UInt32>, _ range: Range<Int>, _ buckets: [Int],
        _ positions: UnsafeMutablePointer<UInt32>, _ workspace: Workspace
    ) {
        var next = Array(buckets[range])
        let (low, size) = (UInt32(range.lowerBound), UInt32(range.count))
        for position in tokens.indices {
            if position & (1 << 18 - 1) == 0 { workspace.relieve() }
            let place = unsafe (tokens[position] & ~NGramSequences.end) &- low
            if place < size {
                unsafe positions[next[Int(place)]] = UInt32(position)
                next[Int(place)] += 1
            }
        }
    }
}
