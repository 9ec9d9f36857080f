/// A key with the place it stands for.
struct SortEntry: BitwiseCopyable {
    var key: UInt64
    var position: UInt32
}

/// Sorts by the lowest `bits` bits of the keys, equal keys in the order they came.
///
/// Digits of 11 bits from the lowest up; one pass counts all digits, and a digit that is the same
/// in all keys costs nothing more.
func radixSort(_ entries: inout [SortEntry], bits: Int) {
    let digitBits = 11
    let size = 1 << digitBits
    let digits = (bits + digitBits - 1) / digitBits
    let count = entries.count
    if count < 2 || digits == 0 { return }
    var histogram = [Int](repeating: 0, count: digits * size)
    var other = [SortEntry](repeating: SortEntry(key: 0, position: 0), count: count)
    for entry in entries {
        for digit in 0..<digits {
            histogram[digit * size + Int(entry.key >> (digit * digitBits)) & (size - 1)] += 1
        }
    }
    for digit in 0..<digits {
        var sum = 0
        var isTrivial = false
        for value in digit * size..<(digit + 1) * size {
            if histogram[value] == count { isTrivial = true }
            (histogram[value], sum) = (sum, sum + histogram[value])
        }
        if isTrivial { continue }
        let shift = digit * digitBits
        unsafe other.withUnsafeMutableBufferPointer { target in
            unsafe histogram.withUnsafeMutableBufferPointer { next in
                // Each key was counted above, so every `place` is below `count`.
                for entry in entries {
                    let value = digit * size + Int(entry.key >> shift) & (size - 1)
                    let place = unsafe next[value]
                    unsafe next[value] = place &+ 1
                    unsafe target[place] = entry
                }
            }
        }
        swap(&entries, &other)
    }
}
