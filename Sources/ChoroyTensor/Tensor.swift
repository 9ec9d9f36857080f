/// A row-major, contiguous array of `Float` with a shape. A value: no operation changes it.
public struct Tensor: Sendable {
    public let shape: [Int]
    package let storage: TensorStorage
    package let origin: Origin

    /// Number of elements.
    public var count: Int { storage.count }

    /// A tensor with the given elements in row-major order.
    ///
    /// - Precondition: `values.count` is the product of `shape`.
    public init(_ values: [Float], shape: [Int]) {
        unsafe self = Tensor(shape: shape) { target in
            precondition(
                values.count == target.count, "Tensor: \(values.count) values for shape \(shape)")
            unsafe _ = target.initialize(from: values)
        }
    }

    /// A tensor whose elements `fill` writes, all of them.
    package init(shape: [Int], _ fill: (UnsafeMutableBufferPointer<Float>) -> Void) {
        precondition(shape.allSatisfy { $0 >= 0 }, "Tensor: shape \(shape)")
        self.shape = shape
        storage = TensorStorage(count: shape.reduce(1, *))
        origin = .constant
        unsafe fill(UnsafeMutableBufferPointer(start: storage.pointer, count: storage.count))
    }

    package init(shape: [Int], storage: TensorStorage, origin: Origin = .constant) {
        self.shape = shape
        self.storage = storage
        self.origin = origin
    }

    package func with(origin: Origin) -> Tensor {
        Tensor(shape: shape, storage: storage, origin: origin)
    }

    /// The only element of a tensor with one.
    public var scalar: Float {
        precondition(count == 1, "scalar: shape \(shape)")
        return unsafe storage.pointer[0]
    }

    /// The elements, read-only.
    package var pointer: UnsafePointer<Float> { unsafe UnsafePointer(storage.pointer) }

    /// Rows of a matrix: all axes but the last, multiplied.
    package var rows: Int { shape.count == 2 ? shape[0] : shape.dropLast().reduce(1, *) }
    /// The shape with another length of the last axis.
    func shape(width: Int) -> [Int] {
        shape.count == 2 ? [shape[0], width] : Array(shape.dropLast()) + [width]
    }
    /// Length of the last axis.
    package var width: Int { shape.last ?? 1 }

    /// A copy of the elements in row-major order.
    public var values: [Float] {
        unsafe Array(UnsafeBufferPointer(start: storage.pointer, count: count))
    }

    /// A copy of row `row` of a matrix [rows, columns].
    public func row(_ row: Int) -> [Float] {
        let columns = shape[shape.count - 1]
        precondition(row >= 0 && (row + 1) * columns <= count, "row \(row) of \(shape)")
        return unsafe Array(
            UnsafeBufferPointer(start: storage.pointer + row * columns, count: columns))
    }
}
