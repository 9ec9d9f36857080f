import ChoroySystem
import ChoroyText

/// The suffixes of a window in the order of their tokens, up to `depth` of them; a suffix that is the beginning of
/// another comes first.
///
/// The tokens after the first are copied to where their suffix's bucket is, so that sorting looks nowhere else. Each
/// bucket is sorted for itself, by as many tokens as 64 bits hold; what is equal then by the tokens after those.
@safe struct SuffixOrder {
    let depth: Int
    let window: SuffixWindow
    /// Buckets in parts of about the same work, in their order.
    let parts: [Range<Int>]
    private let room: Room

    /// The memory of one window after the other.
    ///
    /// For each suffix in text order, bucket by bucket, the numbers of the `depth` - 1 tokens after the first: one more
    /// than the token, 0 beyond the end. In sorted order its place among those, its length (tokens, at most `depth`) and
    /// how many it has in common with the one before it.
    final class Room {
        let depth: Int
        fileprivate private(set) var numbers = LargeArray<UInt32>(count: 0)
        fileprivate private(set) var places = LargeArray<UInt32>(count: 0)
        fileprivate private(set) var lengths = LargeArray<UInt8>(count: 0)
        fileprivate private(set) var common = LargeArray<UInt8>(count: 0)

        init(depth: Int) { self.depth = depth }

        /// For so many suffixes.
        fileprivate func extend(to count: Int) {
            if count <= places.count { return }
            numbers = LargeArray(count: count * (depth - 1))
            places = LargeArray(count: count)
            lengths = LargeArray(count: count)
            common = LargeArray(count: count)
        }

        /// Bytes for a suffix, with those that sorting takes when there is one bucket only.
        static func bytesPerSuffix(depth: Int) -> Int {
            4 * (depth - 1) + 6 + 2 * MemoryLayout<SortEntry>.stride
        }
    }

    init(_ sequences: NGramSequences, _ window: SuffixWindow, in room: Room) {
        let depth = room.depth
        precondition(depth > 1 && depth < 256, "suffixes of \(depth) tokens")
        precondition(window.count < UInt32.max, "SuffixOrder: \(window.count) suffixes")
        self.depth = depth
        self.window = window
        self.room = room
        room.extend(to: window.count)
        let parts = window.cuts(into: max(1, min(256, window.count / 4096)))
        self.parts = parts
        let bits = UInt32.bitWidth - UInt32(sequences.alphabetSize).leadingZeroBitCount
        // Each thread reads all tokens and takes those of its buckets.
        let cuts = window.cuts(into: ThreadPool.shared.threadCount)
        ThreadPool.shared.run(cuts.count) { [self] cut in fill(sequences, cuts[cut]) }
        ThreadPool.shared.run(parts.count) { part in
            let largest = parts[part].map { window.starts[$0 + 1] - window.starts[$0] }.max() ?? 0
            var sorter = unsafe SuffixSorter(
                numbers: room.numbers.pointer, places: room.places.pointer,
                lengths: room.lengths.pointer, common: room.common.pointer,
                depth: depth, bits: bits, capacity: largest)
            for bucket in parts[part] {
                unsafe sorter.sort(
                    window.starts[bucket]..<window.starts[bucket + 1],
                    prefix: window.prefix.count + 1)
            }
        }
    }

    /// Tokens of a sorted suffix.
    @inline(__always) func length(_ slot: Int) -> Int { unsafe Int(room.lengths.pointer[slot]) }

    /// How many a sorted suffix has in common with the one before it; 0 for the first of a bucket.
    @inline(__always) func common(_ slot: Int) -> Int { unsafe Int(room.common.pointer[slot]) }

    /// The tokens of a sorted suffix after its first, each with 1 added.
    @inline(__always) func numbers(_ slot: Int) -> UnsafePointer<UInt32> {
        unsafe UnsafePointer(
            room.numbers.pointer + Int(room.places.pointer[slot]) * (depth - 1))
    }

    /// Copies the tokens of the suffixes in some buckets.
    private func fill(_ sequences: NGramSequences, _ cut: Range<Int>) {
        let low = UInt32(window.tokens.lowerBound + cut.lowerBound)
        let size = UInt32(cut.count)
        let tokens = unsafe sequences.tokens
        var next = Array(window.starts[cut])
        SuffixWindow.forEachPlace(sequences, window.prefix) { position, token in
            let bucket = token &- low
            if bucket < size { unsafe copy(tokens, position, &next[Int(bucket)]) }
        }
    }

    @inline(__always)
    private func copy(_ tokens: UnsafeBufferPointer<UInt32>, _ position: Int, _ slot: inout Int) {
        let numbers = unsafe room.numbers.pointer + slot * (depth - 1)
        var length = 1
        while unsafe length < depth && tokens[position + length - 1] & NGramSequences.end == 0
            && position + length < tokens.count
        {
            unsafe numbers[length - 1] = tokens[position + length] & ~NGramSequences.end + 1
            length += 1
        }
        for place in length..<max(length, depth) { unsafe numbers[place - 1] = 0 }
        unsafe room.places.pointer[slot] = UInt32(slot)
        unsafe room.lengths.pointer[slot] = UInt8(length)
        slot += 1
    }
}
