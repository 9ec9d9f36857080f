import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A piece of at most 15 bytes in two words, its length in the last byte.
struct PieceKey {
    static let longest = 15
    var low, high: UInt64

    /// - Precondition: 16 bytes can be read at `bytes`, of which `count`, 1 to 15, are the piece.
    @inline(__always)
    init(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        let raw = unsafe UnsafeRawPointer(bytes)
        let length = UInt64(truncatingIfNeeded: count)
        let first = unsafe raw.loadUnaligned(as: UInt64.self)
        let second = unsafe raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        // Shifts by less than 64 each: 8 · (8 − count), or 8 · (16 − count).
        low = first & (UInt64.max &>> (count < 8 ? 64 &- 8 &* length : 0))
        high = (count > 8 ? second & (UInt64.max &>> (128 &- 8 &* length)) : 0) | length &<< 56
    }
}

/// The ids of pieces that were encoded before: as many as fit, without growing.
///
/// A line of 64 bytes holds two pieces; a new one takes the place of the older of the two. Text repeats
/// itself so much that few pieces are looked for in vain.
///
/// Used by one thread at a time; `PieceCaches` hands it over under a lock.
@safe final class PieceCache: @unchecked Sendable {
    /// A key and up to four ids; their number less one in two bits of `high`.
    private struct Slot {
        var low, high: UInt64
        var ids: SIMD4<Int32>
    }

    /// Lines of two slots.
    private static let lineBits = 16
    private static let countShift: UInt64 = 60
    private static let keyMask: UInt64 = ~(0b11 << countShift)
    private let memory: UnsafeMutableRawPointer?
    private let slots: UnsafeMutablePointer<Slot>
    private let hash = PieceHash()
    /// Room for the ids of a piece that is not here.
    var found: [TokenID] = []

    init() {
        // Pages that are never touched cost nothing, and `calloc` leaves them untouched.
        let size = 64 << Self.lineBits
        let fresh = unsafe calloc(size + 64, 1)
        unsafe memory = fresh
        if let fresh = unsafe fresh {
            unsafe slots = fresh.alignedUp(toMultipleOf: 64).bindMemory(
                to: Slot.self, capacity: 2 << Self.lineBits)
        } else {
            preconditionFailure("no memory for \(size) bytes")
        }
    }

    deinit { unsafe free(memory) }

    @inline(__always)
    private func line(of key: PieceKey) -> UnsafeMutablePointer<Slot> {
        let code = hash(key.low, key.high)
        return unsafe slots + Int(truncatingIfNeeded: code &>> UInt64(64 - Self.lineBits)) &* 2
    }

    /// Writes the ids of a piece to `target`, which has room for four, and gives their number; 0 when it
    /// is not here.
    @inline(__always)
    func ids(of key: PieceKey, to target: UnsafeMutablePointer<TokenID>) -> Int {
        let line = unsafe line(of: key)
        for slot in 0..<2 {
            let high = unsafe line[slot].high
            if unsafe line[slot].low == key.low, high & Self.keyMask == key.high {
                unsafe UnsafeMutableRawPointer(target).storeBytes(
                    of: line[slot].ids, as: SIMD4<Int32>.self)
                return Int(truncatingIfNeeded: high &>> Self.countShift) &+ 1
            }
        }
        return 0
    }

    /// Keeps the ids of a piece that is not here, if they are one to four.
    func insert(_ ids: [TokenID], of key: PieceKey) {
        guard (1...4).contains(ids.count) else { return }
        var kept = SIMD4<Int32>()
        for index in ids.indices { kept[index] = ids[index] }
        let line = unsafe line(of: key)
        unsafe line[1] = line[0]
        let high = key.high | UInt64(ids.count - 1) << Self.countShift
        unsafe line[0] = Slot(low: key.low, high: high, ids: kept)
    }
}

/// The caches of one tokenizer, lent to a thread at a time.
final class PieceCaches: Sendable {
    private let free = Mutex<[PieceCache]>([])

    /// Gives `body` a cache that no other thread has meanwhile.
    func lend<Result>(_ body: (PieceCache) -> Result) -> Result {
        let cache = free.withLock { $0.popLast() } ?? PieceCache()
        defer { free.withLock { $0.append(cache) } }
        return body(cache)
    }
}
