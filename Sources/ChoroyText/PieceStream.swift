import ChoroySystem
import Synchronization

/// Counts the pieces of documents that come byte by byte, by several threads, in memory that does not
/// depend on the length of the text, only on how many different pieces it has.
struct PieceStream: ~Copyable {
    private let pattern: PreTokenizer.Pattern
    /// A counter for each thread.
    private let counters: Mutex<[PieceCounter]>
    private let hash = PieceHash()
    /// Text that is not counted yet, and where documents end in it.
    private var text: [UInt8] = []
    private var ends: [Int] = []
    private var wanted = Self.chunkSize

    /// Bytes that are counted at a time.
    private static let chunkSize = 1 << 23
    /// Bytes that one thread scans at a time.
    private static let partSize = 1 << 18

    init(pattern: PreTokenizer.Pattern) {
        self.pattern = pattern
        counters = Mutex(
            [PieceCounter](
                repeating: PieceCounter(hash: hash), count: ThreadPool.shared.threadCount))
    }

    /// Appends bytes to the present document.
    mutating func append(_ bytes: some Collection<UInt8>) {
        text.append(contentsOf: bytes)
        if text.count >= wanted { flush() }
    }

    mutating func endDocument() { ends.append(text.count) }

    /// All pieces and their counts, which do not depend on the number of threads; the order does.
    mutating func finish() -> PieceCounter {
        endDocument()
        flush()
        return counters.withLock { counters in
            var total = counters[0]
            for counter in counters.dropFirst() { total.add(counter) }
            counters = []
            return total
        }
    }

    /// Counts what can be counted: all documents that have ended, and of the last one what stands before
    /// the last place where every pattern ends a piece.
    private mutating func flush() {
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
        wanted = max(Self.chunkSize, 2 * self.text.count)
    }
}
