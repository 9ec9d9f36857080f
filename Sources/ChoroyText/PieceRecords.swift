/// What a slot of a `PieceCache` cannot hold: memory in blocks, given back all at once.
@safe struct PieceRecords: ~Copyable {
    private static let blockSize = 1 << 18
    /// Bytes that may be read behind a record.
    private static let spare = 16
    private var blocks: [UnsafeMutableRawPointer] = unsafe []
    private var used = blockSize
    /// Bytes that all blocks may take.
    var capacity = 1 << 23

    init() {}

    deinit { unsafe blocks.forEach { unsafe $0.deallocate() } }

    /// Adds a record of ids and the bytes of their piece as `ChoroyPieceSlot` describes it; nil when there is no more
    /// room.
    mutating func add(
        _ ids: [TokenID], _ piece: UnsafeBufferPointer<UInt8>
    ) -> UnsafeMutableRawPointer? {
        let size = 8 + 4 * ids.count + piece.count
        if used + size + Self.spare > Self.blockSize {
            guard unsafe (blocks.count + 1) * Self.blockSize <= capacity,
                size + Self.spare <= Self.blockSize
            else {
                return nil
            }
            unsafe blocks.append(.allocate(byteCount: Self.blockSize, alignment: 16))
            used = 0
        }
        guard let block = unsafe blocks.last else { return nil }
        let record = unsafe block + used
        used += (size + 7) / 8 * 8
        unsafe record.storeBytes(of: UInt32(ids.count), as: UInt32.self)
        unsafe record.storeBytes(of: UInt32(piece.count), toByteOffset: 4, as: UInt32.self)
        unsafe ids.withUnsafeBytes { ids in
            if let base = ids.baseAddress {
                unsafe (record + 8).copyMemory(from: base, byteCount: ids.count)
            }
        }
        if let base = piece.baseAddress, piece.count > 0 {
            unsafe (record + 8 + 4 * ids.count).copyMemory(from: base, byteCount: piece.count)
        }
        return unsafe record
    }
}
