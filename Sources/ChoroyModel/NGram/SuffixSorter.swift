import ChoroySystem
import ChoroyText

/// Sorts the suffixes of one bucket after another by their tokens.
@unsafe struct SuffixSorter {
    private let numbers: UnsafeMutablePointer<UInt32>
    private let places: UnsafeMutablePointer<UInt32>
    private let lengths: UnsafeMutablePointer<UInt8>
    private let common: UnsafeMutablePointer<UInt8>
    private let depth: Int
    /// Bits of a token's number in a key.
    private let bits: Int
    private var entries: LargeArray<SortEntry>
    private var other: LargeArray<SortEntry>
    private var groups: [Group] = []

    /// Suffixes that have `done` tokens in common.
    private struct Group {
        var range: Range<Int>
        var done: Int
    }

    /// - Parameters:
    ///   - numbers: as `SuffixOrder.Room` tells of them and of the other pointers.
    ///   - capacity: Suffixes of the largest bucket.
    init(
        numbers: UnsafeMutablePointer<UInt32>, places: UnsafeMutablePointer<UInt32>,
        lengths: UnsafeMutablePointer<UInt8>, common: UnsafeMutablePointer<UInt8>, depth: Int,
        bits: Int, capacity: Int
    ) {
        unsafe self.numbers = numbers
        unsafe self.places = places
        unsafe self.lengths = lengths
        unsafe self.common = common
        unsafe self.depth = depth
        unsafe self.bits = bits
        unsafe entries = LargeArray(count: capacity)
        unsafe other = LargeArray(count: capacity)
    }

    /// Sorts a bucket: suffixes with the same first `prefix` tokens.
    mutating func sort(_ bucket: Range<Int>, prefix: Int) {
        if bucket.isEmpty { return }
        unsafe common[bucket.lowerBound] = 0
        if bucket.count == 1 { return }
        if unsafe prefix == depth {
            for slot in bucket.dropFirst() { unsafe common[slot] = UInt8(prefix) }
            return
        }
        unsafe groups.append(Group(range: bucket, done: prefix))
        while let group = unsafe groups.popLast() { unsafe sort(group) }
    }

    private mutating func sort(_ group: Group) {
        let start = group.range.lowerBound
        let count = group.range.count
        let done = group.done
        let taken = unsafe min(depth - done, 64 / bits)
        let entries = unsafe self.entries.pointer
        for place in 0..<count {
            let position = unsafe places[start + place]
            unsafe entries[place] = SortEntry(
                key: key(Int(position), from: done, taken), position: position,
                length: lengths[start + place])
        }
        unsafe radixSort(entries, other.pointer, count: count, bits: taken * bits)
        var previous = unsafe entries[0].key
        var equalSince = 0
        unsafe places[start] = entries[0].position
        unsafe lengths[start] = entries[0].length
        for place in 1...count {
            let key = unsafe place < count ? entries[place].key : ~previous
            let difference = key ^ previous
            if place < count {
                unsafe places[start + place] = entries[place].position
                unsafe lengths[start + place] = entries[place].length
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
                previous = key
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
    private func key(_ place: Int, from done: Int, _ taken: Int) -> UInt64 {
        let numbers = unsafe numbers + place * (depth - 1) + done - 1
        var key: UInt64 = 0
        for index in 0..<taken { key = unsafe key << UInt64(bits) | UInt64(numbers[index]) }
        return key
    }
}
