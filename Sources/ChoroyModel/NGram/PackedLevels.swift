import ChoroySystem
import ChoroyText

/// N-grams in fields of as many bits as they need: the layout of files that take little room.
///
/// An n-gram of order 2 or more is a record: its token, the base-10 logarithm of its probability and, below the
/// highest order, of its back-off weight; as `Float`s, or as bytes that stand for values of a table. Where its
/// continuations begin is told by `Branches`. Unigrams are whole numbers, and a table finds their many continuations.
@safe struct PackedLevels: NGramLevels, @unchecked Sendable {
    let counts: [Int]
    /// Unigrams: the two logarithms and the first continuation, three numbers each, and those of an end.
    private let unigrams: UnsafePointer<UInt32>
    private let records: [NGramRecords]
    private let branches: [Branches]
    private let index: NGramIndex?
    private let owner: AnyObject

    init(_ header: NGramFileHeader, _ file: MappedFile, path: String) throws {
        counts = header.counts
        owner = file
        let order = counts.count
        let first = try header.section(
            .unigrams, 0, atLeast: (counts[0] + 1) * 12, path: path)
        unsafe unigrams = file.pointer(at: first.offset, count: first.size)
            .assumingMemoryBound(to: UInt32.self)
        records = try (1..<order).map { level in
            try NGramRecords(header, level, file, path: path)
        }
        branches = try (1..<max(1, order - 1)).map { level in
            try Branches(header, level, file, path: path)
        }
        let hasIndex = header.sections.contains { $0.kind == .index && $0.level == 0 }
        index = hasIndex ? try NGramIndex(header, 0, file, path: path) : nil
    }

    @inline(__always) func children(_ level: Int, _ index: Int) -> Range<Int> {
        var range = 0..<0
        if level == 0 {
            let start = unsafe Int(unigrams[index * 3 + 2])
            range = unsafe start..<max(start, Int(unigrams[index * 3 + 5]))
        } else {
            range = branches[level - 1].children(index)
        }
        let end = min(range.upperBound, counts[level + 1])
        return min(range.lowerBound, end)..<end
    }

    @inline(__always) func token(_ level: Int, _ index: Int) -> UInt32 {
        level == 0 ? UInt32(truncatingIfNeeded: index) : records[level - 1].token(index)
    }

    @inline(__always) func logProbability(_ level: Int, _ index: Int) -> Float {
        level == 0
            ? unsafe Float(bitPattern: unigrams[index * 3])
            : records[level - 1].logProbability(index)
    }

    @inline(__always) func backoff(_ level: Int, _ index: Int) -> Float {
        level == 0
            ? unsafe Float(bitPattern: unigrams[index * 3 + 1]) : records[level - 1].backoff(index)
    }

    @inline(__always) func find(_ token: UInt32, _ level: Int, _ index: Int) -> Int {
        let children = children(level, index)
        let above = records[level]
        if level == 0, let table = self.index, children.count > NGramIndex.threshold {
            return table.find(token, index, among: children) { above.token($0) }
        }
        var (low, high) = (children.lowerBound, children.upperBound)
        while high - low > 8 {
            let middle = low + (high - low) / 2
            if above.token(middle) < token { low = middle + 1 } else { high = middle + 1 }
        }
        while low < high {
            let found = above.token(low)
            if found >= token { return found == token ? low : -1 }
            low += 1
        }
        return -1
    }
}
