internal import ChoroyTensor

/// What a Transformer remembers of a sequence: keys and values in blocks of 64 positions.
///
/// A copy is a fork that shares blocks; a block is copied when one of the forks writes to it. Blocks
/// begin at multiples of 64, and each holds one tile for every layer and key-value head.
public struct KeyValueCache: SequenceState {
    /// Tokens read so far.
    public private(set) var count = 0
    private let layers: Int
    private let shape: AttentionShape
    private var blocks: [KeyValueBlock] = []
    /// The tiles of each layer and key-value head in these blocks; none until they are asked for.
    private var tiles: [[KeyValueTiles]] = []
    private var memory: StepMemory?

    init(layers: Int, shape: AttentionShape) {
        self.layers = layers
        self.shape = shape
    }

    /// Bytes that the blocks of this state hold, shared ones included.
    public var byteCount: Int {
        blocks.count * layers * shape.keyValueHeads * KeyValueTiles.tileSize(shape) * 4
    }

    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "truncate: \(count) of \(self.count)")
        self.count = count
        tiles = []
        blocks.removeLast(blocks.count - (count + 63) / 64)
    }

    /// Makes room for `tokens` more; blocks that will be written are this state's own afterwards.
    mutating func reserve(_ tokens: Int) {
        // Asked in place: a name for the block would be a second reference.
        let last = blocks.count - 1
        if count % 64 != 0, !isKnownUniquelyReferenced(&blocks[last]) {
            blocks[last] = KeyValueBlock(copying: blocks[last])
            tiles = []
        }
        while blocks.count * 64 < count + tokens {
            tiles = []
            blocks.append(
                KeyValueBlock(
                    tiles: layers * shape.keyValueHeads, size: KeyValueTiles.tileSize(shape)))
        }
    }

    /// Rows to read one token in; no other state has them.
    mutating func stepMemory(_ config: TransformerConfig) -> StepMemory {
        // Asked in place: a name for the memory would be a second reference.
        if isKnownUniquelyReferenced(&memory), let memory { return memory }
        let fresh = StepMemory(config)
        memory = fresh
        return fresh
    }

    mutating func advance(by tokens: Int) { count += tokens }

    /// The tiles of every key-value head, layer by layer.
    mutating func allTiles() -> [[KeyValueTiles]] {
        if tiles.isEmpty {
            tiles = (0..<layers).map { layer in
                let starts = unsafe blocks.map { unsafe $0.tile(layer * shape.keyValueHeads) }
                return (0..<shape.keyValueHeads).map { head in
                    unsafe KeyValueTiles(
                        starts, offset: head * KeyValueTiles.tileSize(shape), shape: shape)
                }
            }
        }
        return tiles
    }
}

/// Keys and values of 64 positions, for all layers.
///
/// `@unchecked`: written only by the one state that holds it, when it makes room for new tokens.
final class KeyValueBlock: @unchecked Sendable {
    private let storage: TensorStorage
    private let size: Int

    init(tiles: Int, size: Int) {
        self.size = size
        storage = TensorStorage(count: tiles * size)
        unsafe storage.pointer.update(repeating: 0, count: storage.count)
    }

    init(copying other: KeyValueBlock) {
        size = other.size
        storage = TensorStorage(count: other.storage.count)
        unsafe storage.pointer.update(from: other.storage.pointer, count: storage.count)
    }

    func tile(_ index: Int) -> UnsafeMutablePointer<Float> {
        unsafe storage.pointer + index * size
    }
}
