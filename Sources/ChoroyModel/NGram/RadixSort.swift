/// A key with the place it stands for.
struct SortEntry: BitwiseCopyable {
    var key: UInt64
    var position: UInt32
}

/// Sorts the first `count` entries by the lowest `bits` bits of the keys, equal keys in the order they came.
///
/// A few by insertion; else by digits from the lowest up, after one pass that counts all digits. A digit that
/// is the same in all keys costs nothing more.
///
/// - Parameter other: room for as many entries.
func radixSort(
    _ entries: inout [SortEntry], _ other: inout [SortEntry], count: Int, bits: Int
) {
    if count < 2 { return }
    precondition(count <= entries.count && count <= other.count, "\(count) of \(entries.count)")
    if count <= 40 {
        unsafe entries.withUnsafeMutableBufferPointer { entries in
            for place in 1..<count {
                let entry = unsafe entries[place]
                var hole = place
                while unsafe hole > 0 && entries[hole - 1].key > entry.key {
                    unsafe entries[hole] = entries[hole - 1]
                    hole -= 1
                }
                unsafe entries[hole] = entry
            }
        }
        return
    }
    let digitBits = count < 4096 ? 8 : 11
    let size = 1 << digitBits
    let digits = (bits + digitBits - 1) / digitBits
    let mask = UInt64(size - 1)
    var histogram = [Int](repeating: 0, count: digits * size)
    unsafe histogram.withUnsafeMutableBufferPointer { histogram in
        for place in 0..<count {
            var key = entries[place].key
            for digit in 0..<digits {
                unsafe histogram[digit * size + Int(key & mask)] += 1
                key >>= UInt64(digitBits)
            }
        }
    }
    for digit in 0..<digits {
        let shift = UInt64(digit * digitBits)
        if histogram[digit * size + Int(entries[0].key >> shift & mask)] == count { continue }
        var sum = 0
        for value in digit * size..<(digit + 1) * size {
            (histogram[value], sum) = (sum, sum + histogram[value])
        }
        unsafe other.withUnsafeMutableBufferPointer { target in
            unsafe entries.withUnsafeBufferPointer { entries in
                unsafe histogram.withUnsafeMutableBufferPointer { next in
                    // Each key was counted above, so every `place` is below `count`.
                    for source in 0..<count {
                        let entry = unsafe entries[source]
                        let value = digit * size + Int(entry.key >> shift & mask)
                        let place = unsafe next[value]
                        unsafe next[value] = place &+ 1
                        unsafe target[place] = entry
                    }
                }
            }
        }
        swap(&entries, &other)
    }
}
