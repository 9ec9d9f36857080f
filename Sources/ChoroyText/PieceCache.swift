internal import CChoroyKernels
import ChoroySystem
import Synchronization

/// The ids of pieces that were encoded before.
///
/// A piece is in the slot that its hash names, or in the one beside it. What a slot cannot hold, more than four ids or
/// 15 bytes, it has in a record. Slots are doubled while more than a quarter of them is taken, up to 16 MB, or sixteen
/// times a longer text and 128 MB; then a new piece takes the place of an old one. Text repeats itself so much that few pieces
/// are looked for in vain.
///
/// Used by one thread at a time; `PieceCaches` hands it over under a lock.
@safe struct PieceCache: ~Copyable {
    private static let leastBits: UInt32 = 14
    private static let fewBits: UInt32 = 17
    private static let manyBits: UInt32 = 19
    private static let slotSize = MemoryLayout<ChoroyPieceSlot>.size
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var table: ChoroyPieceTable
    private var count = 0
    private var mostBits = Self.manyBits
    private var records = PieceRecords()
    private let kernels = unsafe TextKernels.table
    /// Room for the ids of a piece that is not here.
    var found: [TokenID] = []

    /// - Parameter textSize: Bytes of the text to come, for which room is made from the beginning.
    init(textSize: Int) {
        // A short text has more pieces for its length than a long one.
        let few = min(Self.bits(textSize / 16), Self.fewBits)
        let bits = min(max(few, Self.bits(textSize / 64), Self.leastBits), Self.manyBits)
        unsafe memory = LargePages.zeros(byteCount: Self.slotSize << Int(bits))
        unsafe table = ChoroyPieceTable(
            slots: Self.slots(in: memory),
            keys: (.random(in: .min ... .max), .random(in: .min ... .max)), shift: 64 - bits)
    }

    deinit { unsafe LargePages.free(memory) }

    /// Lets the slots be as many as the pieces of a text of `textSize` bytes may be that threads share.
    mutating func expect(textSize: Int) {
        let share = textSize / ThreadPool.shared.threadCount
        mostBits = max(mostBits, min(Self.bits(share / 4), 22))
        records.capacity = max(records.capacity, Self.slotSize << Int(mostBits) / 2)
    }

    private static func bits(_ number: Int) -> UInt32 {
        UInt32(Int.bitWidth - number.leadingZeroBitCount)
    }

    private static func slots(
        in memory: UnsafeMutableRawBufferPointer
    ) -> UnsafeMutablePointer<ChoroyPieceSlot> {
        guard let base = memory.baseAddress else { preconditionFailure("no slots") }
        return unsafe base.assumingMemoryBound(to: ChoroyPieceSlot.self)
    }

    /// Makes the keys of `count` pieces of a text, the first of which begins at `start`.
    mutating func makeKeys(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ ends: UnsafePointer<Int>, _ count: Int,
        _ keys: UnsafeMutablePointer<ChoroyPieceKey>
    ) {
        guard let base = text.baseAddress else { return }
        unsafe kernels.piece_keys(base, text.count, start, ends, count, &table, keys)
    }

    /// Writes the ids of pieces to `place` until one is not here; gives the number of pieces.
    func ids(
        _ text: UnsafePointer<UInt8>, _ start: Int, _ ends: UnsafePointer<Int>,
        _ keys: UnsafePointer<ChoroyPieceKey>, _ count: Int,
        to place: inout UnsafeMutablePointer<TokenID>
    ) -> Int {
        unsafe kernels.piece_ids(text, start, ends, keys, count, &place)
    }

    /// Keeps `found` as the ids of a piece that is not here; tells whether slots have moved, so that keys
    /// made before name others.
    mutating func keep(_ key: ChoroyPieceKey, _ piece: UnsafeBufferPointer<UInt8>) -> Bool {
        guard piece.count <= Int(CHOROY_LONGEST_PIECE), !found.isEmpty else { return false }
        var slot = ChoroyPieceSlot()
        slot.low = unsafe key.low
        slot.high = unsafe key.high
        if piece.count <= 15, found.count <= 4 {
            slot.high |= UInt64(found.count - 1) << UInt64(CHOROY_PIECE_COUNT)
            unsafe withUnsafeMutableBytes(of: &slot.ids) { ids in
                unsafe found.withUnsafeBytes { unsafe ids.copyMemory(from: $0) }
            }
        } else {
            guard
                var record = unsafe records.add(
                    found, piece.count > 15 ? piece : .init(rebasing: piece[..<0]))
            else { return false }
            slot.high |= 1 << UInt64(CHOROY_PIECE_ELSEWHERE)
            unsafe withUnsafeMutableBytes(of: &slot.ids) { ids in
                unsafe withUnsafeBytes(of: &record) { unsafe ids.copyMemory(from: $0) }
            }
        }
        insert(slot)
        count += 1
        let bits = unsafe 64 - table.shift
        guard count > 1 << (bits - 2), bits < mostBits else { return false }
        grow(to: bits + 1)
        return true
    }

    private mutating func insert(_ new: ChoroyPieceSlot) {
        let high = new.high & (1 << UInt64(CHOROY_PIECE_COUNT) - 1)
        let slot = unsafe kernels.piece_slot(&table, new.low, high)
        // Pieces that come early come often, so they stay where they are found first.
        let isFree = unsafe slot.pointee.high == 0
        unsafe (isFree ? slot : choroy_other_slot(slot)).pointee = new
    }

    private mutating func grow(to bits: UInt32) {
        let old = unsafe (memory, table.slots, 1 << Int(64 - table.shift))
        unsafe memory = LargePages.zeros(byteCount: Self.slotSize << Int(bits))
        unsafe table.slots = Self.slots(in: memory)
        unsafe table.shift = 64 - bits
        count = 0
        for index in 0..<(unsafe old.2) {
            let slot = unsafe old.1[index]
            guard slot.high != 0 else { continue }
            insert(slot)
            count += 1
        }
        unsafe LargePages.free(old.0)
    }
}

/// The caches of one tokenizer, lent to a thread at a time.
final class PieceCaches: Sendable {
    private final class Entry: @unchecked Sendable {
        var cache: PieceCache
        /// The thread that had it last.
        var thread: Int

        init(textSize: Int, thread: Int) {
            cache = PieceCache(textSize: textSize)
            self.thread = thread
        }
    }

    private let free = Mutex<[Entry]>([])

    /// Gives `body` a cache that no other thread has meanwhile: that which the thread had before, if it is free, since
    /// much of it is near.
    func lend<Result>(textSize: Int, _ body: (inout PieceCache) -> Result) -> Result {
        let thread = ThreadPool.shared.currentIndex
        let kept = free.withLock { free -> Entry? in
            guard !free.isEmpty else { return nil }
            return free.remove(at: free.lastIndex { $0.thread == thread } ?? free.count - 1)
        }
        let entry = kept ?? Entry(textSize: textSize, thread: thread)
        entry.thread = thread
        defer { free.withLock { $0.append(entry) } }
        entry.cache.expect(textSize: textSize)
        return body(&entry.cache)
    }
}
