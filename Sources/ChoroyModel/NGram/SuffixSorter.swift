import ChoroySystem
import ChoroyText

/// Sorts the positions of one bucket after another by the tokens that follow.
@unsafe struct SuffixSorter {
    private let tokens: UnsafeBufferPointer<UInt32>
    private let lengths: UnsafeMutablePointer<UInt8>
    private let positions: UnsafeMutablePointer<UInt32>
    private let common: UnsafeMutablePointer<UInt8>
    private let depth: Int
    /// Bits of a token in a key; there it is one more than its id, and 0 stands beyond the sequence's end.
    private let bits: Int
    private let workspace: Workspace
    private var entries: [SortEntry]
    private var other: [SortEntry]
    private var groups: [Group] = []

    /// Positions whose suffixes have `done` tokens in common.
    private struct Group {
        var range: Range<Int>
        var done: Int
    }

    init(
        tokens: UnsafeBufferPointer<UInt32>, lengths: UnsafeMutablePointer<UInt8>,
        positions: UnsafeMutablePointer<UInt32>, common: UnsafeMutablePointer<UInt8>, depth: Int,
        bits: Int, capacity: Int, in workspace: Workspace
    ) {
        unsafe self.workspace = workspace
        unsafe self.tokens = tokens
        unsafe self.lengths = lengths
        unsafe self.positions = positions
        unsafe self.common = common
        unsafe self.depth = depth
        unsafe self.bits = bits
        let empty = SortEntry(key: 0, position: 0)
        unsafe entries = [SortEntry](repeating: empty, count: capacity)
        unsafe other = entries
    }

    /// Sorts a bucket: positions with the same first token.
    mutating func sort(_ bucket: Range<Int>) {
        if bucket.isEmpty { return }
        unsafe common[bucket.lowerBound] = 0
        if bucket.count == 1 { return }
        if unsafe depth == 1 {
            for slot in bucket.dropFirst() { unsafe common[slot] = 1 }
            return
        }
        unsafe groups.append(Group(range: bucket, done: 1))
        while let group = unsafe groups.popLast() { unsafe sort(group) }
    }

    private mutating func sort(_ group: Group) {
        let start = group.range.lowerBound
        let count = group.range.count
        let done = group.done
        let taken = unsafe min(depth - done, 64 / bits)
        for place in 0..<count {
            if place & 0xFFFF == 0xFFFF { unsafe workspace.relieve() }
            let position = unsafe positions[start + place]
            unsafe entries[place] = SortEntry(
                key: key(Int(position), from: done, taken), position: position)
        }
        unsafe radixSort(&entries, &other, count: count, bits: taken * bits)
        var previous = unsafe entries[0].key
        unsafe positions[start] = entries[0].position
        var equalSince = 0
        for place in 1...count {
            let entry =
                unsafe place < count ? entries[place] : SortEntry(key: ~previous, position: 0)
            let difference = entry.key ^ previous
            if place < count {
                unsafe positions[start + place] = entry.position
                if difference != 0 {
                    let highest = 63 - difference.leadingZeroBitCount
                    let equal = unsafe taken - 1 - highest / bits
                    unsafe common[start + place] = UInt8(done + equal)
                }
            }
            if difference != 0 {
                if place - equalSince > 1 {
                    unsafe close(start + equalSince..<start + place, previous, done, taken)
                }
                equalSince = place
                previous = entry.key
            }
        }
    }

    /// What to do with slots of one key: their suffixes end here, are compared far enough, or go on.
    private mutating func close(_ range: Range<Int>, _ key: UInt64, _ done: Int, _ taken: Int) {
        let mask: UInt64 = unsafe 1 << UInt64(bits) - 1
        var length = done + taken
        if key & mask == 0 {
            for place in (0..<taken).reversed() {
                if unsafe key >> UInt64((taken - 1 - place) * bits) & mask == 0 {
                    length = done + place
                }
            }
        } else if unsafe length < depth {
            unsafe groups.append(Group(range: range, done: length))
            return
        }
        for slot in range.dropFirst() { unsafe common[slot] = UInt8(length) }
    }

    @inline(__always)
    private func key(_ position: Int, from done: Int, _ taken: Int) -> UInt64 {
        let length = unsafe min(Int(lengths[position]) - done, taken)
        var key: UInt64 = 0
        if length <= 0 { return 0 }
        for place in position + done..<position + done + length {
            let token = unsafe tokens[place] & ~NGramSequences.end
            key = unsafe key << UInt64(bits) | UInt64(token + 1)
        }
        let missing = unsafe (taken - length) * bits
        return missing == 64 ? 0 : key << UInt64(missing)
    }
}
