/// A key with what it stands for.
struct SortEntry: BitwiseCopyable {
    var key: UInt64
    var position: UInt32
    var length: UInt8
}

/// Sorts the first `count` entries by the lowest `bits` bits of the keys, equal keys in the order they came.
///
/// A few by insertion; else by digits from the lowest up, after one pass that counts all digits. A digit that
/// is the same in all keys costs nothing more.
///
/// - Parameter other: room for as many entries.
func radixSort(
    _ entries: UnsafeMutablePointer<SortEntry>, _ other: UnsafeMutablePointer<SortEntry>,
    count: Int, bits: Int
) {
    if count < 2 { return }
    if count <= 40 {
        for place in 1..<count {
            let entry = unsafe entries[place]
            var hole = place
            while unsafe hole > 0 && entries[hole - 1].key > entry.key {
                unsafe entries[hole] = entries[hole - 1]
                hole -= 1
            }
            unsafe entries[hole] = entry
        }
        return
    }
    let digitBits = count < 4096 ? 8 : 11
    let size = 1 << digitBits
    let digits = (bits + digitBits - 1) / digitBits
    let mask = UInt64(size - 1)
    var histogram = [Int](repeating: 0, count: digits * size)
    unsafe histogram.withUnsafeMutableBufferPointer { next in
        for place in 0..<count {
            var key = unsafe entries[place].key
            for digit in 0..<digits {
                unsafe next[digit * size + Int(key & mask)] += 1
                key >>= UInt64(digitBits)
            }
        }
        var (source, target) = unsafe (entries, other)
        for digit in 0..<digits {
            let shift = UInt64(digit * digitBits)
            let first = unsafe Int(source[0].key >> shift & mask)
            if unsafe next[digit * size + first] == count { continue }
            var sum = 0
            for value in digit * size..<(digit + 1) * size {
                unsafe (next[value], sum) = unsafe (sum, sum + next[value])
            }
            // Each key was counted above, so every `place` is below `count`.
            for index in 0..<count {
                let entry = unsafe source[index]
                let value = digit * size + Int(entry.key >> shift & mask)
                let place = unsafe next[value]
                unsafe next[value] = place &+ 1
                unsafe target[place] = entry
            }
            unsafe swap(&source, &target)
        }
        if unsafe source != entries { unsafe entries.update(from: source, count: count) }
    }
}
