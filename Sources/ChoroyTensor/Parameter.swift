internal import Synchronization

/// A named tensor that training changes: the one mutable thing of a model.
///
/// `@unchecked`: values change only inside `update`, between steps, while no computation reads them.
public final class Parameter: @unchecked Sendable {
    /// The name in checkpoints, such as `model.layers.0.self_attn.q_proj.weight`.
    public let name: String
    public let shape: [Int]
    /// Whether training leaves the values as they are; then nothing made from them is recorded.
    public let isFrozen: Bool
    /// Raised by each `update`.
    public private(set) var version = 0
    private var storage: TensorStorage
    private let packed = Mutex<(version: Int, matrix: PackedMatrix)?>(nil)

    public var count: Int { shape.reduce(1, *) }

    public init(name: String, _ value: Tensor, isFrozen: Bool = false) {
        self.name = name
        self.isFrozen = isFrozen
        shape = value.shape
        storage = value.storage
    }

    /// The values, without recording.
    public var value: Tensor { Tensor(shape: shape, storage: storage, origin: .frozen(self)) }

    /// The values; operations on them are remembered for the backward pass when `recording`, unless
    /// the parameter is frozen.
    public func value(recording: Bool) -> Tensor {
        Tensor(
            shape: shape, storage: storage,
            origin: recording && !isFrozen ? .parameter(self) : .frozen(self))
    }

    /// Changes the values in place.
    ///
    /// - Precondition: no tensor that shares these values is alive, such as a recorded graph.
    package func update(_ change: (UnsafeMutablePointer<Float>) -> Void) {
        precondition(
            isKnownUniquelyReferenced(&storage),
            "update of \(name): a tensor made from its present values is alive")
        unsafe change(storage.pointer)
        version += 1
    }

    /// The values of a matrix, packed for multiplication; made once for each version.
    package func packedMatrix() -> PackedMatrix {
        packed.withLock { cache in
            if let cache, cache.version == version { return cache.matrix }
            let matrix = PackedMatrix(value)
            cache = (version, matrix)
            return matrix
        }
    }
}
