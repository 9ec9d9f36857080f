internal import CChoroyKernels

/// Keys and values of one head in tiles of 64 positions: keys [headDim, 64], values [64, stride].
///
/// In bytes a tile is what `int8_store` in choroy_kernels.h says: 0.28 × the memory for heads of 32.
/// Positions are counted from 0 and tiles begin at multiples of 64, so a query walks the same tiles in
/// the same order whether its keys came in one piece or many.
///
/// `@unchecked`: written only by the one state that holds the memory, as its sequence grows.
@safe package struct KeyValueTiles: @unchecked Sendable {
    /// Floats of one tile, keys and values together.
    package static func tileSize(_ shape: AttentionShape) -> Int {
        switch shape.cacheType {
        case .float32: 64 * (shape.headDim + shape.stride)
        case .int8: 32 * shape.stride + 128
        }
    }

    let shape: AttentionShape
    /// Where each tile begins, all displaced alike.
    private let tiles: [UnsafeMutablePointer<Float>]
    private let offset: Int
    private let owner: TensorStorage?

    /// Fresh tiles, all zeros.
    init(count: Int, shape: AttentionShape) {
        let size = Self.tileSize(shape)
        let storage = TensorStorage(count: max(1, count) * size)
        unsafe storage.pointer.update(repeating: 0, count: storage.count)
        self.shape = shape
        owner = storage
        offset = 0
        unsafe tiles = (0..<count).map { unsafe storage.pointer + $0 * size }
    }

    /// Tiles that somebody else keeps alive, each `offset` floats behind a pointer.
    package init(
        _ tiles: [UnsafeMutablePointer<Float>], offset: Int = 0, shape: AttentionShape
    ) {
        self.shape = shape
        self.offset = offset
        unsafe self.tiles = tiles
        owner = nil
    }

    /// Stores `count` keys and values from `position` on; source rows are `stride` floats apart.
    package func write(
        keys: UnsafePointer<Float>, values: UnsafePointer<Float>, stride: Int, at position: Int,
        count: Int
    ) {
        let headDim = shape.headDim
        var i = 0
        while i < count {
            let (tile, column) = ((position + i) / 64, (position + i) % 64)
            let some = min(64 - column, count - i)
            defer { i += some }
            if shape.cacheType == .int8 {
                unsafe Kernels.table.int8_store(
                    keys + i * stride, values + i * stride, stride, some, headDim, bytes(tile),
                    column)
                continue
            }
            let keyTile = unsafe tiles[tile] + offset
            unsafe Kernels.table.transpose(
                keys + i * stride, stride, keyTile + column, 64, some, headDim)
            for r in 0..<some {
                unsafe (keyTile + 64 * headDim + (column + r) * shape.stride).update(
                    from: values + (i + r) * stride, count: headDim)
            }
        }
    }

    /// Attention of `rows` queries at positions `past`, `past + 1`, … of one query head.
    package func attend(
        _ q: UnsafePointer<Float>, stride: Int, rows: Int, past: Int,
        into y: UnsafeMutablePointer<Float>, stride outStride: Int,
        logSumExp: UnsafeMutablePointer<Float>? = nil
    ) {
        guard rows > 0 else { return }
        defer { withExtendedLifetime(owner) {} }
        let count = (past + rows - 1) / 64 + 1
        if shape.cacheType == .int8 {
            precondition(unsafe logSumExp == nil, "attend: bytes leave no sums for a gradient")
            unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<UInt8>.self, capacity: count) {
                places in
                guard let places = places.baseAddress else { return }
                for t in 0..<count {
                    unsafe (places + t).initialize(to: UnsafePointer(bytes(t)))
                }
                unsafe Kernels.table.int8_attention(
                    q, stride, rows, past, shape.headDim, places, shape.scale, y, outStride)
            }
            return
        }
        // Keys, then values.
        unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: 2 * count) {
            places in
            guard let places = places.baseAddress else { return }
            for t in 0..<count {
                unsafe (places + t).initialize(to: UnsafePointer(tiles[t] + offset))
                unsafe (places + count + t).initialize(to: places[t] + 64 * shape.headDim)
            }
            unsafe Kernels.table.attention(
                q, stride, rows, past, shape.headDim, places, places + count, shape.stride,
                shape.scale, y, outStride, logSumExp)
        }
    }

    private func bytes(_ tile: Int) -> UnsafeMutablePointer<UInt8> {
        unsafe UnsafeMutableRawPointer(tiles[tile] + offset).assumingMemoryBound(to: UInt8.self)
    }
}
