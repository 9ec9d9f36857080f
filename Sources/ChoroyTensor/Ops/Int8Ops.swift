// Operations on a matrix in bytes. It is frozen: gradients flow through it, never into it.

/// x · Ŵᵀ: [N, K] to [N, O].
///
/// When `recording`, x stays in `Float` and so does the gradient dy · Ŵ, with blocks of rows of Ŵ
/// widened as they are needed; else x is rounded to bytes (`Int8Matrix.multiply`).
/// Source: Dettmers et al. 2023, section 3, https://arxiv.org/abs/2305.14314
func linear(_ x: Tensor, _ matrix: Int8Matrix, recording: Bool, precision: Precision) -> Tensor {
    precondition(
        x.width == matrix.depth, "linear: \(x.shape) and [\(matrix.outputs), \(matrix.depth)]")
    guard recording else { return matrix.multiply(x.detached) }
    let rows = x.rows
    let y = unsafe Tensor(shape: x.shape(width: matrix.outputs)) { y in
        guard let y = y.baseAddress else { return }
        unsafe matrix.multiply(x.pointer, rows: rows, into: y, precision)
    }
    return y.recording(x) { dy, _ in
        [
            unsafe Tensor(shape: x.shape) { dx in
                guard let dx = dx.baseAddress else { return }
                unsafe matrix.multiplyBack(dy.pointer, rows: rows, into: dx, precision)
            }
        ]
    }
}

/// Rows of Ŵ: N tokens to [N, K].
///
/// - Precondition: every token is in `0..<O`.
func embedding(_ tokens: [Int32], _ matrix: Int8Matrix) -> Tensor {
    precondition(
        tokens.allSatisfy { $0 >= 0 && $0 < matrix.outputs },
        "embedding: a token is not in 0..<\(matrix.outputs)")
    return matrix.rows(at: tokens.map { Int($0) })
}

extension Int8Matrix {
    /// The most weights that are there as `Float` at a time: 4 MB.
    private static let blockSize = 1 << 20

    /// Calls `body` with blocks of rows and their values, one after another.
    private func eachBlock(_ body: (Range<Int>, UnsafePointer<Float>) -> Void) {
        let rows = max(1, min(outputs, Self.blockSize / depth))
        let block = TensorStorage(count: rows * depth)
        defer { withExtendedLifetime(block) {} }
        for first in stride(from: 0, to: outputs, by: rows) {
            let range = first..<min(outputs, first + rows)
            unsafe dequantize(
                range,
                into: UnsafeMutableBufferPointer(start: block.pointer, count: range.count * depth))
            unsafe body(range, block.pointer)
        }
    }

    /// y [rows, O] = x [rows, K] · Ŵᵀ
    func multiply(
        _ x: UnsafePointer<Float>, rows: Int, into y: UnsafeMutablePointer<Float>,
        _ precision: Precision
    ) {
        unsafe eachBlock { range, weights in
            if range.count == outputs {
                unsafe MatrixProduct.multiply(
                    .plain(x), .transposed(weights), into: y, m: rows, n: outputs, k: depth,
                    precision: precision)
                return
            }
            let part = TensorStorage(count: rows * range.count)
            unsafe MatrixProduct.multiply(
                .plain(x), .transposed(weights), into: part.pointer, m: rows, n: range.count,
                k: depth, precision: precision)
            Parallel.rows(rows, width: range.count) { some in
                for r in some {
                    unsafe (y + r * outputs + range.lowerBound).update(
                        from: part.pointer + r * range.count, count: range.count)
                }
            }
        }
    }

    /// dx [rows, K] = dy [rows, O] · Ŵ
    func multiplyBack(
        _ dy: UnsafePointer<Float>, rows: Int, into dx: UnsafeMutablePointer<Float>,
        _ precision: Precision
    ) {
        unsafe eachBlock { range, weights in
            if range.count == outputs {
                unsafe MatrixProduct.multiply(
                    .plain(dy), .plain(weights), into: dx, m: rows, n: depth, k: outputs,
                    precision: precision)
                return
            }
            let part = TensorStorage(count: rows * range.count)
            Parallel.rows(rows, width: range.count) { some in
                for r in some {
                    unsafe (part.pointer + r * range.count).update(
                        from: dy + r * outputs + range.lowerBound, count: range.count)
                }
            }
            unsafe MatrixProduct.multiply(
                .plain(part.pointer), .plain(weights), into: dx, m: rows, n: depth,
                k: range.count, accumulate: range.lowerBound > 0, precision: precision)
        }
    }
}
