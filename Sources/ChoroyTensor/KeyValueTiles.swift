internal import CChoroyKernels

/// Keys and values of one head in tiles of 64 positions: keys [headDim, 64], values [64, stride].
///
/// Positions are counted from 0 and tiles begin at multiples of 64, so a query walks the same tiles in
/// the same order whether its keys came in one piece or many.
@safe package struct KeyValueTiles {
    /// Floats of one tile, keys and values together.
    package static func tileSize(_ shape: AttentionShape) -> Int {
        64 * (shape.headDim + shape.stride)
    }

    let shape: AttentionShape
    private var tiles: [UnsafeMutablePointer<Float>]
    private let owner: TensorStorage?

    /// Fresh tiles, all zeros.
    init(count: Int, shape: AttentionShape) {
        let size = Self.tileSize(shape)
        let storage = TensorStorage(count: max(1, count) * size)
        unsafe storage.pointer.update(repeating: 0, count: storage.count)
        self.shape = shape
        owner = storage
        unsafe tiles = (0..<count).map { unsafe storage.pointer + $0 * size }
    }

    /// Tiles that somebody else keeps alive.
    package init(_ tiles: [UnsafeMutablePointer<Float>], shape: AttentionShape) {
        self.shape = shape
        unsafe self.tiles = tiles
        owner = nil
    }

    /// Stores `count` keys and values from `position` on; source rows are `stride` floats apart.
    package func write(
        keys: UnsafePointer<Float>, values: UnsafePointer<Float>, stride: Int, at position: Int,
        count: Int
    ) {
        let headDim = shape.headDim
        for i in 0..<count {
            let (tile, column) = ((position + i) / 64, (position + i) % 64)
            let keyTile = unsafe tiles[tile]
            let key = unsafe keys + i * stride
            for d in 0..<headDim { unsafe keyTile[d * 64 + column] = key[d] }
            unsafe (keyTile + 64 * headDim + column * shape.stride).update(
                from: values + i * stride, count: headDim)
        }
    }

    /// Attention of `rows` queries at positions `past`, `past + 1`, … of one query head.
    package func attend(
        _ q: UnsafePointer<Float>, stride: Int, rows: Int, past: Int,
        into y: UnsafeMutablePointer<Float>, stride outStride: Int,
        logSumExp: UnsafeMutablePointer<Float>? = nil
    ) {
        guard rows > 0 else { return }
        var keys: [UnsafePointer<Float>] = unsafe []
        var values: [UnsafePointer<Float>] = unsafe []
        for t in 0...((past + rows - 1) / 64) {
            unsafe keys.append(UnsafePointer(tiles[t]))
            unsafe values.append(UnsafePointer(tiles[t] + 64 * shape.headDim))
        }
        defer { withExtendedLifetime(owner) {} }
        unsafe keys.withUnsafeBufferPointer { keys in
            unsafe values.withUnsafeBufferPointer { values in
                guard let keys = keys.baseAddress, let values = values.baseAddress else { return }
                unsafe Kernels.table.attention(
                    q, stride, rows, past, shape.headDim, keys, values, shape.stride, shape.scale,
                    y,
                    outStride, logSumExp)
            }
        }
    }
}
