internal import CChoroyKernels
internal import Synchronization

extension Tensor {
    /// The rows in bytes; made by the first product that needs them and kept for the others, as the
    /// projections of attention all read one input.
    var roundedToBytes: Int8Activations {
        storage.rounded.withLock { kept in
            if let kept, kept.depth == width { return kept }
            let made = unsafe Int8Activations(pointer, rows: rows, depth: width)
            kept = made
            return made
        }
    }
}

/// Rows of activations in bytes, a scale for each group of columns.
struct Int8Activations: Sendable {
    /// Columns of a row.
    let depth: Int
    /// Groups of columns of a row, the last one filled up with zeros.
    let groups: Int
    let rows: Int
    /// For each row its bytes, then its scales, then its starts; see `choroy_kernels.h`.
    private let storage: TensorStorage

    /// Floats of memory for so many rows.
    static func floats(rows: Int, depth: Int) -> Int {
        let groups = (depth + Int8Matrix.group - 1) / Int8Matrix.group
        return rows * groups * (Int8Matrix.group / 4 + 2)
    }

    /// The rows at `x` in bytes, in `memory` or in memory of their own.
    ///
    /// - Precondition: `memory` has room for them.
    init(_ x: UnsafePointer<Float>, rows: Int, depth: Int, in memory: TensorStorage? = nil) {
        let floats = Self.floats(rows: rows, depth: depth)
        self.rows = rows
        self.depth = depth
        groups = (depth + Int8Matrix.group - 1) / Int8Matrix.group
        storage = memory ?? TensorStorage(count: floats)
        precondition(storage.count >= floats, "Int8Activations: \(rows) rows of \(depth)")
        // One row, as in generation, is worth no closure.
        if rows == 1 {
            unsafe round(x, 0)
        } else {
            Parallel.rows(rows, width: depth) { for row in $0 { unsafe round(x, row) } }
        }
    }

    private func round(_ x: UnsafePointer<Float>, _ row: Int) {
        unsafe Kernels.table.int8_quantize(
            x + row * depth, depth, bytes(row), scales(row), starts(row))
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
