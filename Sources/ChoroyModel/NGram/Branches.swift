import ChoroySystem

/// How many continuations each n-gram of a level has, as bits: a 0 for each continuation, then a 1.
///
/// The place of every 8th 1 is kept, so that any is found by counting a few words from there.
/// Source: Jacobson 1989, "Space-efficient static trees and graphs" (unary degrees).
@safe struct Branches: @unchecked Sendable, BitwiseCopyable {
    private static let step = 8

    let words: UnsafePointer<UInt64>
    let wordCount: Int
    let samples: UnsafePointer<UInt32>

    init(_ header: NGramFileHeader, _ level: Int, _ file: MappedFile, path: String) throws {
        wordCount = Self.wordCount(header.counts[level], header.counts[level + 1])
        let section = try header.section(.branches, level, atLeast: wordCount * 8, path: path)
        unsafe words = file.pointer(at: section.offset, count: section.size)
            .assumingMemoryBound(to: UInt64.self)
        let sampled = try header.section(
            .samples, level, atLeast: Self.sampleCount(header.counts[level]) * 4, path: path)
        unsafe samples = file.pointer(at: sampled.offset, count: sampled.size)
            .assumingMemoryBound(to: UInt32.self)
    }

    private static func wordCount(_ parents: Int, _ children: Int) -> Int {
        (parents + children + 63) / 64 + 1
    }

    private static func sampleCount(_ parents: Int) -> Int { (parents + step - 1) / step + 1 }

    /// The bits and the samples for the rows of a level, whose children are `count` rows.
    static func make(_ rows: NGramRows, children count: Int, in workspace: Workspace) -> (
        LargeArray<UInt64>, LargeArray<UInt32>
    ) {
        let words = LargeArray<UInt64>(count: wordCount(rows.count, count), in: workspace)
        let samples = LargeArray<UInt32>(count: sampleCount(rows.count), in: workspace)
        for index in 0..<rows.count {
            if index & (1 << 18 - 1) == 0 { workspace.relieve() }
            let place = min(rows.firstChild(index + 1), count) + index
            unsafe words.pointer[place >> 6] |= 1 << UInt64(place & 63)
            if index % step == 0 { unsafe samples.pointer[index / step] = UInt32(place) }
        }
        return (words, samples)
    }

    /// The continuations of an n-gram.
    @inline(__always) func children(_ index: Int) -> Range<Int> {
        // After the 1 of the n-gram before it come its own 0s.
        let begin = index == 0 ? 0 : one(index - 1) + 1
        let end = one(from: begin, after: 0)
        let first = max(0, begin - index)
        return first..<max(first, end - index)
    }

    /// The place of a 1 by its number.
    @inline(__always) private func one(_ number: Int) -> Int {
        let sample = unsafe Int(samples[number / Self.step])
        return one(from: sample, after: number % Self.step)
    }

    /// The place of the first 1 from `place` on after `skipped` others; the end when there is none.
    @inline(__always) private func one(from place: Int, after skipped: Int) -> Int {
        var index = place >> 6
        if index >= wordCount { return wordCount << 6 }
        var skipped = skipped
        var word = unsafe UInt64(littleEndian: words[index]) & (UInt64.max << UInt64(place & 63))
        while true {
            let ones = word.nonzeroBitCount
            if ones > skipped { break }
            skipped -= ones
            index += 1
            if index == wordCount { return wordCount << 6 }
            word = unsafe UInt64(littleEndian: words[index])
        }
        while skipped > 0 {
            word &= word - 1
            skipped -= 1
        }
        return index << 6 + word.trailingZeroBitCount
    }
}
