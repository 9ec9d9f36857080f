import CChoroyKernels
import ChoroySystem
import Testing

/// Keys of pieces and the ids behind them, with the kernels of each CPU type.
@Suite struct `The table of pieces` {
    private static let bits: UInt32 = 12

    /// A table with room for all, and what its records take.
    @safe private final class Table {
        let memory = UnsafeMutablePointer<ChoroyPieceSlot>.allocate(capacity: 1 << Int(bits))
        var records: [UnsafeMutableRawPointer] = unsafe []
        var table: ChoroyPieceTable

        init() {
            unsafe memory.initialize(repeating: ChoroyPieceSlot(), count: 1 << Int(bits))
            unsafe table = ChoroyPieceTable(
                slots: memory, keys: (0x1234_5678_9ABC_DEF1, 0x0FED_CBA9_8765_4321),
                shift: 64 - bits)
        }

        deinit {
            unsafe memory.deallocate()
            unsafe records.forEach { unsafe $0.deallocate() }
        }

        /// Keeps ids in a slot, or in a record as `choroy_kernels.h` describes it.
        func keep(_ key: ChoroyPieceKey, _ piece: [UInt8], _ ids: [Int32]) {
            guard var slot = unsafe key.slot else { return }
            if unsafe slot.pointee.high != 0 { unsafe slot = choroy_other_slot(slot) }
            unsafe slot.pointee.low = key.low
            unsafe slot.pointee.high = key.high
            if piece.count <= 15, ids.count <= 4 {
                unsafe slot.pointee.high |= UInt64(ids.count - 1) << UInt64(CHOROY_PIECE_COUNT)
                unsafe withUnsafeMutableBytes(of: &slot.pointee.ids) { target in
                    unsafe ids.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
                }
                return
            }
            let bytes = piece.count > 15 ? piece : []
            var record = UnsafeMutableRawPointer.allocate(
                byteCount: 8 + 4 * ids.count + bytes.count + 16, alignment: 16)
            unsafe records.append(record)
            unsafe record.storeBytes(of: UInt32(ids.count), as: UInt32.self)
            unsafe record.storeBytes(of: UInt32(bytes.count), toByteOffset: 4, as: UInt32.self)
            for (index, id) in ids.enumerated() {
                unsafe record.storeBytes(of: id, toByteOffset: 8 + 4 * index, as: Int32.self)
            }
            for (index, byte) in bytes.enumerated() {
                unsafe record.storeBytes(
                    of: byte, toByteOffset: 8 + 4 * ids.count + index, as: UInt8.self)
            }
            unsafe slot.pointee.high |= 1 << UInt64(CHOROY_PIECE_ELSEWHERE)
            unsafe withUnsafeMutableBytes(of: &slot.pointee.ids) { target in
                unsafe withUnsafeBytes(of: &record) { unsafe target.copyMemory(from: $0) }
            }
        }
    }

    @Test(arguments: 0..<3)
    func `gives the ids of pieces of any length, and of no others`(_ type: Int) throws {
        let tables = unsafe [
            choroy_kernels_portable(), choroy_kernels_avx2(), choroy_kernels_avx512(),
        ]
        guard let kernels = unsafe tables[type]?.pointee else { return }
        var random = SeededRandom(seed: 8)
        var seen: Set<[UInt8]> = []
        let pieces = (1...400).map { length in
            let size = length <= 300 ? 1 + (length - 1) % 270 : 1 + random.below(40)
            return (0..<size).map { _ in UInt8(random.below(256)) }
        }.filter { seen.insert($0).inserted }
        let text = Array(pieces.joined())
        let ends = pieces.indices.map { pieces[...$0].reduce(0) { $0 + $1.count } }
        let ids = pieces.map { piece in
            (0..<min(piece.count, 1 + random.below(9))).map { _ in Int32(random.below(1 << 20)) }
        }
        let table = Table()
        var keys = unsafe [ChoroyPieceKey](repeating: ChoroyPieceKey(), count: pieces.count)
        var room = [Int32](repeating: -1, count: 9 * pieces.count + 4)

        /// The ids from piece `first` on, and the number of pieces.
        func found(from first: Int) -> (ids: [Int32], pieces: Int) {
            let start = first == 0 ? 0 : ends[first - 1]
            return unsafe room.withUnsafeMutableBufferPointer { room in
                unsafe ends.withUnsafeBufferPointer { ends in
                    unsafe keys.withUnsafeBufferPointer { keys in
                        guard let base = room.baseAddress, let ends = ends.baseAddress,
                            let keys = keys.baseAddress
                        else { return ([], 0) }
                        var place = unsafe base
                        let count = unsafe kernels.piece_ids(
                            text, start, ends + first, keys + first, pieces.count - first, &place)
                        return unsafe (Array(room[..<(place - base)]), count)
                    }
                }
            }
        }

        unsafe kernels.piece_keys(text, text.count, 0, ends, pieces.count, &table.table, &keys)
        var kept: [Int] = []
        for index in pieces.indices {
            #expect(found(from: index).pieces == 0, "piece \(index) before it is kept")
            guard pieces[index].count <= Int(CHOROY_LONGEST_PIECE) else {
                #expect(unsafe keys[index].high == UInt64(CHOROY_NO_PIECE))
                continue
            }
            let slot = unsafe kernels.piece_slot(&table.table, keys[index].low, keys[index].high)
            #expect(unsafe slot == keys[index].slot)
            unsafe table.keep(keys[index], pieces[index], ids[index])
            #expect(found(from: index).ids.starts(with: ids[index]))
            kept.append(index)
        }
        #expect(kept.count > 300)
        // All at once, as far as pieces are kept and none has taken another's slot.
        var index = 0
        var all = 0
        while index < pieces.count {
            let run = found(from: index)
            #expect(run.ids == Array(ids[index..<index + run.pieces].joined()))
            all += run.pieces
            index += run.pieces + 1
        }
        #expect(all > 300)

        // The same hash with other bytes is another piece.
        let long = try #require(pieces.firstIndex { (17...200).contains($0.count) })
        var other = text
        other[ends[long] - 1] ^= 1
        let start = ends[long] - pieces[long].count
        var place = [Int32](repeating: 0, count: 20)
        let count = unsafe place.withUnsafeMutableBufferPointer { place in
            guard var target = place.baseAddress else { return 1 }
            return unsafe kernels.piece_ids(
                other, start, [ends[long]], [keys[long]], 1, &target)
        }
        #expect(count == 0)
    }
}
