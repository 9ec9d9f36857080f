import CChoroyKernels
import ChoroySystem
import ChoroyText

/// Finds the continuation of an n-gram that has many: a hash table of tokens and places in the level above.
///
/// A slot is 0 where it is free; else it holds the token above the place and 1. The place is that of the n-gram sought when
/// it lies among the children of the context, so no row has to be read to be certain.
@safe struct NGramIndex: @unchecked Sendable, BitwiseCopyable {
    /// An n-gram with more children than this has them in the table, in memory and in the fast layout.
    static let threshold = Int(CHOROY_NGRAM_FEW)

    /// Slots that are filled in one pass over the n-grams, 16 MB or more. They decide where n-grams lie that belong into
    /// the same slot, so they are the same whatever memory there is.
    private static let leastWindow = 1 << 21

    let slots: UnsafePointer<UInt64>
    let size: Int

    init(slots: UnsafePointer<UInt64>, size: Int) {
        unsafe self.slots = unsafe slots
        self.size = size
    }

    /// The table for the children of a level, and its memory.
    static func make(
        _ rows: NGramRows, above: NGramRows, threshold: Int = threshold,
        in workspace: Workspace = .unlimited
    ) -> (NGramIndex, LargeArray<UInt64>) {
        var entries = 0
        for index in 0..<rows.count {
            let count = rows.children(index, limit: above.count).count
            if index & (1 << 16 - 1) == 0 { workspace.relieve() }
            if count > threshold { entries += count }
        }
        let slots = LargeArray<UInt64>(
            count: max(1, entries + entries / (threshold > 8 ? 4 : 2)), in: workspace)
        let made = unsafe NGramIndex(slots: slots.pointer, size: slots.count)
        let window = max(leastWindow, made.size / 64)
        for low in stride(from: 0, to: made.size, by: window) {
            for index in 0..<rows.count {
                let children = rows.children(index, limit: above.count)
                if index & (1 << 13 - 1) == 0 { workspace.relieve() }
                if children.count <= threshold { continue }
                for child in children {
                    if child & 0xFFFF == 0 { workspace.relieve() }
                    let token = above.token(child)
                    var slot = made.start(index, token)
                    if UInt(bitPattern: slot &- low) >= UInt(window) { continue }
                    while unsafe slots.pointer[slot] != 0 {
                        slot = slot + 1 == made.size ? 0 : slot + 1
                    }
                    unsafe slots.pointer[slot] = UInt64(token) << 32 | UInt64(child + 1)
                }
            }
        }
        return (made, slots)
    }

    /// Where the search for a continuation begins.
    @inline(__always) private func start(_ index: Int, _ token: UInt32) -> Int {
        let key = (UInt64(truncatingIfNeeded: index) << 32 | UInt64(token)) &* 0x9E37_79B9_7F4A_7C15
        let hash = (key ^ key >> 32) &* 0xD6E8_FEB8_6659_FD93
        return Int((hash >> 32 &* UInt64(size)) >> 32)
    }

    /// The place among `children` of the one with `token`; -1 for none.
    @inline(__always)
    func find(_ token: UInt32, _ index: Int, among children: Range<Int>) -> Int {
        var slot = start(index, token)
        // In a sound table a free slot ends the search; in a damaged one its size does.
        for _ in 0..<size {
            let value = unsafe slots[slot]
            if value == 0 { return -1 }
            if UInt32(truncatingIfNeeded: value >> 32) == token {
                let place = Int(UInt32(truncatingIfNeeded: value)) - 1
                if place >= children.lowerBound && place < children.upperBound { return place }
            }
            slot = slot + 1 == size ? 0 : slot + 1
        }
        return -1
    }
}
