internal import CChoroyKernels
internal import ChoroySystem

/// What the threads in use can do together, measured in some hundredths of a second.
public struct MachineLimits: Sendable {
    /// Additions and multiplications a second with factors in the first cache.
    public let operations: Double
    /// Bytes a second read and written by sums of arrays larger than the caches.
    public let bytes: Double

    public init(_ precision: Precision) {
        operations = Self.operations(precision)
        bytes = Self.bytes()
    }

    /// Additions and multiplications a second with factors in the first cache.
    public static func operations(_ precision: Precision) -> Double {
        // Six rows by 64 columns: the largest block of sums that any table keeps in registers.
        let (rows, columns, depth, turns) = (6, 64, 96, 20_000)
        let brain = precision == .bfloat16 ? unsafe Kernels.table.brain?.pointee : nil
        let kernels = unsafe brain ?? Kernels.table.floats.pointee
        let pieces = ThreadPool.shared.threadCount
        let storage = TensorStorage(count: pieces * 16_384)
        unsafe storage.pointer.update(repeating: 0, count: storage.count)
        let rates = (0..<3).map { _ in
            let start = Machine.now()
            ThreadPool.shared.run(pieces) { piece in
                let b = unsafe storage.pointer + piece * 16_384
                let (a, c) = unsafe (b + columns * depth, b + columns * depth + rows * depth)
                for _ in 0..<turns {
                    for column in Swift.stride(from: 0, to: columns, by: kernels.columns) {
                        unsafe kernels.multiply(
                            a, depth, 1, b + column * depth, kernels.columns, c + column, columns,
                            rows, depth, 0)
                    }
                }
            }
            let seconds = Machine.now() - start
            return Double(2 * rows * columns * depth * turns * pieces) / seconds
        }
        return (rates.max() ?? 0) * Double(kernels.numbers)
    }

    private static func bytes() -> Double {
        let count = 1 << 24
        let (a, b) = (TensorStorage(count: count), TensorStorage(count: count))
        let rates = (0..<4).map { _ in
            let start = Machine.now()
            Parallel.ranges(count, grain: 1 << 15) { range in
                let i = range.lowerBound
                unsafe Kernels.table.add(
                    a.pointer + i, b.pointer + i, a.pointer + i, range.count)
            }
            return 12 * Double(count) / (Machine.now() - start)
        }
        return rates.max() ?? 0
    }
}
