import CChoroyKernels
import ChoroySystem
import ChoroyText

/// N-grams in fields of as many bits as they need: the layout of files that take little room.
///
/// An n-gram of order 2 or more is a record: its token, the base-10 logarithm of its probability and, below the
/// highest order, of its back-off weight; as `Float`s, or as bytes that stand for values of a table. Where its
/// continuations begin is told by `Branches`. Unigrams are whole numbers, and a table finds their many continuations.
@safe struct PackedLevels: NGramLevels, @unchecked Sendable {
    let order: Int
    private let counts: UnsafePointer<Int>
    /// Unigrams: the two logarithms and the first continuation, three numbers each, and those of an end.
    private let unigrams: UnsafePointer<UInt32>
    private let records: UnsafePointer<NGramRecords>
    private let branches: UnsafePointer<Branches>
    private let indexes: UnsafePointer<NGramIndex>
    private let indexCount: Int
    /// The same for the loop that reads at several places at once.
    private let kernel: UnsafePointer<ChoroyPackedLevel>

    /// An n-gram of the lowest levels with more children than this has them in a table.
    static let threshold = Int(CHOROY_PACKED_FEW)
    /// Levels that have a table.
    static let indexedLevels = 1

    /// The levels in a mapped file.
    static func make(_ header: NGramFileHeader, _ file: MappedFile, path: String) throws -> (
        PackedLevels, NGramMemory
    ) {
        let counts = header.counts
        let order = counts.count
        let first = try header.section(.unigrams, 0, atLeast: (counts[0] + 1) * 12, path: path)
        let records = LargeArray(
            try (1..<order).map { try NGramRecords(header, $0, file, path: path) })
        let branches = LargeArray(
            try (1..<max(1, order - 1)).map { try Branches(header, $0, file, path: path) })
        let indexed = header.layout == .quantized ? 0 : min(indexedLevels, order - 1)
        let indexes = LargeArray(
            try (0..<indexed).map { try NGramIndex(header, $0, file, path: path) })
        let allCounts = LargeArray(counts)
        let kernel = unsafe LargeArray<ChoroyPackedLevel>(count: order)
        for level in 0..<order {
            var own = unsafe ChoroyPackedLevel()
            unsafe own.count = UInt32(counts[level])
            if level > 0 {
                let record = unsafe records.pointer[level - 1]
                unsafe own.records = unsafe record.pointer
                unsafe own.codes = unsafe record.codes
                unsafe own.token_bits = UInt32(record.shape.token)
                unsafe own.number_bits = UInt32(record.shape.logProbability)
                unsafe own.record_bits = UInt32(record.shape.record)
            }
            if level > 0 && level + 1 < order {
                let branch = unsafe branches.pointer[level - 1]
                unsafe own.words = unsafe branch.words
                unsafe own.word_count = branch.wordCount
                unsafe own.samples = unsafe branch.samples
            }
            if level < indexed {
                unsafe own.slots = unsafe indexes.pointer[level].slots
                unsafe own.slot_count = unsafe indexes.pointer[level].size
            }
            unsafe kernel.pointer[level] = unsafe own
        }
        let levels = unsafe PackedLevels(
            order: order, counts: allCounts.pointer,
            unigrams: file.pointer(at: first.offset, count: first.size)
                .assumingMemoryBound(to: UInt32.self),
            records: records.pointer, branches: branches.pointer,
            indexes: indexes.pointer, indexCount: indexed,
            kernel: kernel.pointer)
        return unsafe (levels, NGramMemory([file, records, branches, indexes, allCounts, kernel]))
    }

    @inline(__always) func count(_ level: Int) -> Int { unsafe counts[level] }

    @inline(__always) func children(_ level: Int, _ index: Int) -> Range<Int> {
        var range = 0..<0
        if level == 0 {
            let start = unsafe Int(unigrams[index * 3 + 2])
            range = unsafe start..<max(start, Int(unigrams[index * 3 + 5]))
        } else {
            range = unsafe branches[level - 1].children(index)
        }
        let end = unsafe min(range.upperBound, counts[level + 1])
        return min(range.lowerBound, end)..<end
    }

    @inline(__always) func token(_ level: Int, _ index: Int) -> UInt32 {
        unsafe level == 0 ? UInt32(truncatingIfNeeded: index) : records[level - 1].token(index)
    }

    @inline(__always) func logProbability(_ level: Int, _ index: Int) -> Float {
        unsafe level == 0
            ? unsafe Float(bitPattern: unigrams[index * 3])
            : records[level - 1].logProbability(index)
    }

    @inline(__always) func backoff(_ level: Int, _ index: Int) -> Float {
        unsafe level == 0
            ? unsafe Float(bitPattern: unigrams[index * 3 + 1]) : records[level - 1].backoff(index)
    }

    @inline(__always) func find(_ token: UInt32, _ level: Int, _ index: Int) -> Int {
        let children = children(level, index)
        let above = unsafe records[level]
        if children.count > Self.threshold, level < indexCount {
            return unsafe indexes[level].find(token, index, among: children)
        }
        var (low, high) = (children.lowerBound, children.upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            if above.token(middle) < token { low = middle + 1 } else { high = middle }
        }
        return low < children.upperBound && above.token(low) == token ? low : -1
    }

    func score(
        _ tokens: UnsafePointer<TokenID>, length: Int, start: UInt32, end: UInt32?,
        contexts: UnsafeMutablePointer<UInt32>, scores: UnsafeMutablePointer<Float>
    ) {
        unsafe choroy_ngram_score_packed(
            kernel, unigrams, order, start, end ?? .max, contexts, tokens, length, scores)
    }
}
