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
    /// Whether the products of training keep the matrix packed until it changes: worth the memory when
    /// several micro-batches multiply by one version.
    package var keepsPanels = false
    private let panels = Mutex<PackedPair>(PackedPair())

    /// The matrix as the right factor of x · Wᵀ and of dy · W, with the precision of the two.
    private struct PackedPair {
        var forward, back: MatrixProduct.Right?
        var precision = Precision.float32
        /// Which of the two the products with earlier values asked for.
        var wants = (forward: false, back: false)

        mutating func clear() {
            (forward, back) = (nil, nil)
        }
    }

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
        unsafe change(mutablePointer())
    }

    /// Changes the values of several parameters in place, as `update` does.
    package static func update(
        _ parameters: [Parameter], _ change: ([UnsafeMutablePointer<Float>]) -> Void
    ) {
        unsafe change(parameters.map { unsafe $0.mutablePointer() })
    }

    private func mutablePointer() -> UnsafeMutablePointer<Float> {
        precondition(
            isKnownUniquelyReferenced(&storage),
            "update of \(name): a tensor made from its present values is alive")
        panels.withLock { $0.clear() }
        version += 1
        return unsafe storage.pointer
    }

    /// Packs the matrix at once for the products that asked for it packed when it had other values.
    package func renewPanels() {
        let (wants, precision) = panels.withLock { ($0.wants, $0.precision) }
        if wants.forward { _ = right(transposed: true, precision) }
        if wants.back { _ = right(transposed: false, precision) }
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

    /// The matrix [O, K] as the right factor of a product: of x · Wᵀ, or of dy · W.
    fileprivate func right(transposed: Bool, _ precision: Precision) -> MatrixProduct.Right {
        guard keepsPanels else { return value.packedRight(transposed: transposed, precision) }
        return panels.withLock { pair in
            if pair.precision != precision { pair = PackedPair(precision: precision) }
            if let kept = transposed ? pair.forward : pair.back { return kept }
            let made = value.packedRight(transposed: transposed, precision)
            if transposed { pair.forward = made } else { pair.back = made }
            if transposed { pair.wants.forward = true } else { pair.wants.back = true }
            return made
        }
    }
}

extension Tensor {
    /// A matrix [O, K] as the right factor of x · Wᵀ, or of dy · W when not `transposed`; a parameter may
    /// have it packed already.
    func right(transposed: Bool, _ precision: Precision) -> MatrixProduct.Right {
        switch origin {
        case .parameter(let parameter), .frozen(let parameter):
            parameter.right(transposed: transposed, precision)
        case .constant, .node: packedRight(transposed: transposed, precision)
        }
    }

    fileprivate func packedRight(transposed: Bool, _ precision: Precision) -> MatrixProduct.Right {
        let (outputs, depth) = (shape[0], shape[1])
        return unsafe transposed
            ? MatrixProduct.Right(.transposed(pointer), n: outputs, k: depth, precision: precision)
            : MatrixProduct.Right(.plain(pointer), n: depth, k: outputs, precision: precision)
    }
}
