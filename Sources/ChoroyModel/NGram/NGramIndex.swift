import CChoroyKernels
import ChoroySystem
import ChoroyText

/// Finds the continuation of an n-gram that has many: a hash table of places in the level above.
///
/// A slot is 0 where it is free; else its low bits are the place and 1, its high bits a part of the hash. A
/// hit is certain only when the row there has the token and lies among the n-gram's children.
@safe struct NGramIndex: @unchecked Sendable, BitwiseCopyable {
    /// An n-gram with more children than this has them in the table, in memory and in the fast layout.
    static let threshold = 8

    let slots: UnsafePointer<UInt32>
    let size: Int
    private let placeBits: Int

    /// - Parameter count: n-grams of the level above.
    init(slots: UnsafePointer<UInt32>, size: Int, count: Int) {
        unsafe self.slots = unsafe slots
        self.size = size
        placeBits = Int.bitWidth - count.leadingZeroBitCount
    }

    /// The table for the children of a level, and its memory.
    static func make(
        _ rows: NGramRows, above: NGramRows, threshold: Int = threshold,
        in workspace: Workspace = .unlimited
    ) -> (NGramIndex, LargeArray<UInt32>) {
        var entries = 0
        for index in 0..<rows.count {
            let count = rows.children(index, limit: above.count).count
            if index & (1 << 16 - 1) == 0 { workspace.relieve() }
            if count > threshold { entries += count }
        }
        let slots = LargeArray<UInt32>(
            count: max(1, entries + entries / (threshold > 8 ? 4 : 2)), in: workspace)
        let made = unsafe NGramIndex(
            slots: slots.pointer, size: slots.count, count: above.count)
        for index in 0..<rows.count {
            let children = rows.children(index, limit: above.count)
            if index & (1 << 13 - 1) == 0 { workspace.relieve() }
            if children.count <= threshold { continue }
            for child in children {
                let hash = hash(index, above.token(child))
                var slot = made.start(hash)
                while unsafe slots.pointer[slot] != 0 {
                    slot = slot + 1 == made.size ? 0 : slot + 1
                }
                unsafe slots.pointer[slot] = UInt32(child + 1) | made.tag(hash)
            }
        }
        return (made, slots)
    }

    @inline(__always)
    private static func hash(_ index: Int, _ token: UInt32) -> UInt64 {
        let key = (UInt64(truncatingIfNeeded: index) << 32 | UInt64(token)) &* 0x9E37_79B9_7F4A_7C15
        return (key ^ key >> 32) &* 0xD6E8_FEB8_6659_FD93
    }

    @inline(__always) private func start(_ hash: UInt64) -> Int {
        Int((hash >> 32 &* UInt64(size)) >> 32)
    }

    @inline(__always) private func tag(_ hash: UInt64) -> UInt32 {
        placeBits >= 32 ? 0 : UInt32(truncatingIfNeeded: hash) << UInt32(placeBits)
    }

    /// Asks for the slot where the search for a continuation begins.
    @inline(__always) func prefetch(_ token: UInt32, _ index: Int) {
        unsafe choroy_prefetch(slots + start(Self.hash(index, token)))
    }

    /// The place that the first slot names when its tag fits, else -1; the row there decides.
    @inline(__always) func guess(_ token: UInt32, _ index: Int) -> Int {
        let hash = Self.hash(index, token)
        let mask: UInt32 = placeBits >= 32 ? .max : 1 << UInt32(placeBits) - 1
        let value = unsafe slots[start(hash)]
        return value & ~mask == tag(hash) ? Int(value & mask) - 1 : -1
    }

    /// The place among `children` of the one with `token`; -1 for none.
    @inline(__always)
    func find(
        _ token: UInt32, _ index: Int, among children: Range<Int>, tokenAt: (Int) -> UInt32
    ) -> Int {
        let hash = Self.hash(index, token)
        let wanted = tag(hash)
        let mask: UInt32 = placeBits >= 32 ? .max : 1 << UInt32(placeBits) - 1
        var slot = start(hash)
        // In a sound table a free slot ends the search; in a damaged one its size does.
        for _ in 0..<size {
            let value = unsafe slots[slot]
            if value == 0 { return -1 }
            if value & ~mask == wanted {
                let place = Int(value & mask) - 1
                if place >= children.lowerBound && place < children.upperBound
                    && tokenAt(place) == token
                {
                    return place
                }
            }
            slot = slot + 1 == size ? 0 : slot + 1
        }
        return -1
    }
}
