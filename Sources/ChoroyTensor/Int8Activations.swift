internal import CChoroyKernels
internal import Synchronization

extension Tensor {
    /// The rows in bytes; made by the first product that needs them and kept for the others, as the
    /// projections of attention all read one input.
    var roundedToBytes: Int8Activations {
        storage.rounded.withLock { kept in
            if let kept, kept.depth == width { return kept }
            let made = Int8Activations(self)
            kept = made
            return made
        }
    }
}

/// Rows of activations in bytes, a scale for each group of columns.
final class Int8Activations: Sendable {
    /// Columns of a row.
    let depth: Int
    /// Groups of columns of a row, the last one filled up with zeros.
    let groups: Int
    /// For each row its bytes, then its scales, then its starts; see `choroy_kernels.h`.
    private let storage: TensorStorage
    private let rows: Int

    fileprivate init(_ x: Tensor) {
        rows = x.rows
        depth = x.width
        groups = (x.width + Int8Matrix.group - 1) / Int8Matrix.group
        let width = groups * Int8Matrix.group
        storage = TensorStorage(count: rows * (width / 4 + 2 * groups))
        func round(_ row: Int) {
            unsafe Kernels.table.int8_quantize(
                x.pointer + row * depth, depth, bytes(row), scales(row), starts(row))
        }
        // One row, as in generation, is worth no closure.
        if rows == 1 {
            round(0)
        } else {
            Parallel.rows(rows, width: depth) { $0.forEach(round) }
        }
    }

    func bytes(_ row: Int) -> UnsafeMutablePointer<Int8> {
        unsafe UnsafeMutableRawPointer(storage.pointer).assumingMemoryBound(to: Int8.self)
            + row * groups * Int8Matrix.group
    }

    func scales(_ row: Int) -> UnsafeMutablePointer<Float> {
        unsafe storage.pointer + rows * groups * Int8Matrix.group / 4 + row * groups
    }

    func starts(_ row: Int) -> UnsafeMutablePointer<Int32> {
        unsafe UnsafeMutableRawPointer(scales(rows) + row * groups)
            .assumingMemoryBound(to: Int32.self)
    }
}
