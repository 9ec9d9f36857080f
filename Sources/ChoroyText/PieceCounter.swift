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
    private var slots: [UInt64]
    private let hash: PieceHash
    private static let high: UInt64 = 0xFFFF_FFFF_0000_0000
    /// Stands in for one that is elsewhere.
    static let none = PieceCounter(hash: PieceHash(), slots: [])

    init(hash: PieceHash) { self.init(hash: hash, slots: [UInt64](repeating: 0, count: 1 << 12)) }

    private init(hash: PieceHash, slots: [UInt64]) {
        self.hash = hash
        self.slots = slots
    }

    /// Bytes of memory that it holds.
    var memory: Int { bytes.capacity + 8 * (offsets.capacity + counts.capacity + slots.count) }

    /// The bytes of a piece.
    subscript(index: Int) -> ArraySlice<UInt8> { bytes[offsets[index]..<offsets[index + 1]] }

    /// The pieces in the order of their bytes.
    func ascending() -> [Int] {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return [] }
            return counts.indices.sorted { a, b in
                let (first, second) = (offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b])
                let order = unsafe memcmp(
                    base + offsets[a], base + offsets[b], min(first, second))
                return order < 0 || order == 0 && first < second
            }
        }
    }

    /// Pieces that are not here yet; none can be counted from then on.
    mutating func append(_ piece: ArraySlice<UInt8>, count: Int) {
        bytes += piece
        offsets.append(bytes.count)
        counts.append(count)
    }

    /// Counts the pieces of a text.
    mutating func count(_ text: UnsafeBufferPointer<UInt8>, _ preTokenizer: PreTokenizer) {
        guard let base = text.baseAddress else { return }
        unsafe preTokenizer.scan(text) { start, end in
            unsafe add(base + start, end - start, times: 1)
        }
    }

    /// Adds the counts of `other`, which has the same hash.
    mutating func add(_ other: PieceCounter) {
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
        slots = [UInt64](repeating: 0, count: slots.count * (slots.count < 1 << 16 ? 4 : 2))
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
