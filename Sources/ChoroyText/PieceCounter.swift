import ChoroySystem
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Distinct pieces of text and how often each occurs.
struct PieceCounter: Sendable {
    /// The distinct pieces, one after another.
    private(set) var bytes: [UInt8] = []
    /// Where each piece begins in `bytes`; one more than there are pieces.
    private(set) var offsets: [Int] = [0]
    private(set) var counts: [Int] = []
    /// Open addressing: upper half of the hash, then index + 1; 0 is free.
    private var slots = [UInt64](repeating: 0, count: 1 << 12)
    private let hash: PieceHash
    private static let high: UInt64 = 0xFFFF_FFFF_0000_0000
    /// Bytes that one thread scans at a time.
    private static let partSize = 1 << 18

    private init(hash: PieceHash) { self.hash = hash }

    /// Counts the pieces of all documents. Counts do not depend on the number of threads; the order
    /// of the pieces does.
    static func count(_ documents: [ArraySlice<UInt8>], pattern: PreTokenizer.Pattern)
        -> PieceCounter
    {
        let parts = documents.flatMap { document in
            unsafe document.withUnsafeBufferPointer { bytes in
                unsafe PreTokenizer.parts(of: bytes, size: partSize).map {
                    document[
                        document.startIndex + $0.lowerBound..<document.startIndex + $0.upperBound]
                }
            }
        }
        let hash = PieceHash()
        let threads = max(1, min(ThreadPool.shared.threadCount, parts.count))
        let results = Mutex([PieceCounter](repeating: PieceCounter(hash: hash), count: threads))
        ThreadPool.shared.run(threads) { thread in
            var counter = PieceCounter(hash: hash)
            let preTokenizer = PreTokenizer(pattern)
            for index in stride(from: thread, to: parts.count, by: threads) {
                unsafe parts[index].withUnsafeBufferPointer { text in
                    guard let base = text.baseAddress else { return }
                    unsafe preTokenizer.scan(text) { start, end in
                        unsafe counter.add(base + start, end - start, times: 1)
                    }
                }
            }
            results.withLock { $0[thread] = counter }
        }
        let counters = results.withLock { $0 }
        var total = counters[0]
        for counter in counters.dropFirst() { total.add(counter) }
        return total
    }

    private mutating func add(_ other: PieceCounter) {
        unsafe other.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            for index in other.counts.indices {
                let start = other.offsets[index]
                unsafe add(
                    base + start, other.offsets[index + 1] - start, times: other.counts[index])
            }
        }
    }

    @inline(__always)
    private mutating func add(_ piece: UnsafePointer<UInt8>, _ count: Int, times: Int) {
        let code = unsafe hash(piece, count)
        let tag = code & Self.high
        var slot = Int(truncatingIfNeeded: code) & (slots.count - 1)
        while slots[slot] != 0 {
            if slots[slot] & Self.high == tag {
                let index = Int(slots[slot] & 0xFFFF_FFFF) - 1
                let start = offsets[index]
                let isSame =
                    unsafe offsets[index + 1] - start == count
                    && bytes.withUnsafeBufferPointer { buffer in
                        guard let base = buffer.baseAddress else { return false }
                        return unsafe memcmp(base + start, piece, count) == 0
                    }
                if isSame {
                    counts[index] += times
                    return
                }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = tag | UInt64(counts.count + 1)
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: piece, count: count))
        offsets.append(bytes.count)
        counts.append(times)
        if 2 * counts.count > slots.count { grow() }
    }

    private mutating func grow() {
        slots = [UInt64](repeating: 0, count: slots.count * 4)
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for index in counts.indices {
                let start = offsets[index]
                let code = unsafe hash(base + start, offsets[index + 1] - start)
                var slot = Int(truncatingIfNeeded: code) & (slots.count - 1)
                while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
                slots[slot] = code & Self.high | UInt64(index + 1)
            }
        }
    }
}
