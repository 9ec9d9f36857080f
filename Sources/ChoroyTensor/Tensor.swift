/// A row-major, contiguous array of `Float` with a shape. A value: no operation changes it.
public struct Tensor: Sendable {
    public let shape: [Int]
    package let storage: TensorStorage

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
        unsafe fill(UnsafeMutableBufferPointer(start: storage.pointer, count: storage.count))
    }

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
