import ChoroySystem
import Synchronization

/// Counts the pieces of documents that come byte by byte, by several threads, in memory that does not
/// depend on the length of the text; where there is a limit, not on how many different pieces it has either.
struct PieceStream: ~Copyable {
    private let pattern: PreTokenizer.Pattern
    /// A counter for each thread.
    private let counters: Mutex<[PieceCounter]>
    private let hash = PieceHash()
    /// Bytes of memory that counting and learning may take.
    private let memory: Int?
    /// Counts that memory had no room for.
    private var runs = PieceRuns()
    /// Text that is not counted yet, and where documents end in it.
    private var text: [UInt8] = []
    private var ends: [Int] = []
    private var wanted: Int
    /// Bytes that are counted at a time.
    private let chunkSize: Int

    private static let largestChunk = 1 << 23
    /// Bytes that one thread scans at a time.
    private static let partSize = 1 << 18

    init(pattern: PreTokenizer.Pattern, memory: Int? = nil) {
        self.pattern = pattern
        self.memory = memory
        // What a chunk of words never seen before adds stays below a fourth of the memory.
        chunkSize = min(Self.largestChunk, max(1 << 18, (memory ?? .max) / 64))
        wanted = chunkSize
        counters = Mutex(
            [PieceCounter](
                repeating: PieceCounter(hash: hash), count: ThreadPool.shared.threadCount))
    }

    /// Appends bytes to the present document.
    ///
    /// - Throws: `FileError` when there is no room on disk for what memory does not hold.
    mutating func append(_ bytes: some Collection<UInt8>) throws {
        text.append(contentsOf: bytes)
        if text.count >= wanted { try flush() }
    }

    mutating func endDocument() { ends.append(text.count) }

    /// The pieces and their counts, which do not depend on the number of threads; the order does.
    mutating func finish() throws -> PieceSelection {
        endDocument()
        try flush()
        text = []
        if !runs.isEmpty {
            try spill()
            return try PieceSelection(runs, memory: memory)
        }
        return PieceSelection(total(), memory: memory)
    }

    /// What all threads have counted.
    private func total() -> PieceCounter {
        counters.withLock { counters in
            var total = counters[0]
            for counter in counters.dropFirst() { total.add(counter) }
            counters = []
            return total
        }
    }

    /// Writes what all threads have counted; they begin anew.
    private mutating func spill() throws {
        for index in 0..<counters.withLock({ $0.count }) {
            try runs.add(counters.withLock { $0[index] })
            counters.withLock { $0[index] = PieceCounter(hash: hash) }
        }
    }

    /// Counts what can be counted: all documents that have ended, and of the last one what stands before
    /// the last place where every pattern ends a piece.
    private mutating func flush() throws {
        let (text, pattern) = (self.text, pattern)
        var parts: [Range<Int>] = []
        var start = 0
        for end in ends + [text.count] where end > start {
            let bytes = text[start..<end]
            let found = unsafe bytes.withUnsafeBufferPointer {
                unsafe PreTokenizer.parts(of: $0, size: Self.partSize)
            }
            parts += found.map { start + $0.lowerBound..<start + $0.upperBound }
            start = end
        }
        let isOpen = ends.last ?? 0 < text.count
        let kept = isOpen ? parts.popLast()?.lowerBound ?? text.count : text.count
        let threads = counters.withLock { $0.count }
        ThreadPool.shared.run(threads) { thread in
            // Out of the list while it changes, so that nothing is copied.
            var counter = counters.withLock { counters in
                let counter = counters[thread]
                counters[thread] = PieceCounter.none
                return counter
            }
            for index in stride(from: thread, to: parts.count, by: threads) {
                unsafe text[parts[index]].withUnsafeBufferPointer { part in
                    unsafe counter.count(part, PreTokenizer(pattern))
                }
            }
            counters.withLock { $0[thread] = counter }
        }
        self.text.removeFirst(kept)
        ends = []
        // A text without a place to cut waits until there is twice as much, so that the time stays linear.
        wanted = max(chunkSize, 2 * self.text.count)
        if let memory, counters.withLock({ $0.reduce(0) { $0 + $1.memory } }) > memory / 4 {
            try spill()
        }
    }
}
