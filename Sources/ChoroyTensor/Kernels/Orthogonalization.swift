internal import CChoroyKernels

/// The nearest matrix with orthonormal rows or columns, roughly: all singular values between about
/// 0.7 and 1.2, the singular vectors as they were.
///
/// The quintic Newton-Schulz iteration, five times, from X = G / ‖G‖:
///
///     X ← a X + (b A + c A²) X        A = X Xᵀ, a = 3.4445, b = −4.775, c = 2.0315
///
/// Wide matrices as they are, tall ones transposed, so that A is the smaller square. A polynomial of
/// singular values, it needs products of matrices only; the coefficients raise small values fast
/// rather than bring all to 1.
/// Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
package enum Orthogonalization {
    private static let (a, b, c): (Float, Float, Float) = (3.4445, -4.775, 2.0315)
    private static let iterations = 5
    /// Smallest divisor.
    private static let epsilon = 1e-7

    /// Replaces `x` [rows, columns] by its orthogonalization.
    ///
    /// All products round their factors to `precision`; their order depends on the shape only.
    package static func apply(
        to x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, precision: Precision
    ) {
        let count = rows * columns
        guard count > 0 else { return }
        let isTall = rows > columns
        let side = min(rows, columns)
        let norm = unsafe Double(Kernels.table.sum_of_squares(x, count)).squareRoot()
        unsafe scale(x, count, by: Float(1 / max(norm, epsilon)))
        let gram = TensorStorage(count: side * side)
        let square = TensorStorage(count: side * side)
        let product = TensorStorage(count: count)
        for _ in 0..<iterations {
            // A [side, side]: rows with rows of a wide matrix, columns with columns of a tall one.
            if isTall {
                unsafe MatrixProduct.multiply(
                    .transposed(x), .plain(x), into: gram.pointer, m: side, n: side, k: rows,
                    precision: precision)
            } else {
                unsafe MatrixProduct.multiply(
                    .plain(x), .transposed(x), into: gram.pointer, m: side, n: side, k: columns,
                    precision: precision)
            }
            unsafe MatrixProduct.multiply(
                .plain(gram.pointer), .plain(gram.pointer), into: square.pointer, m: side, n: side,
                k: side, precision: precision)
            for i in 0..<side * side {
                unsafe square.pointer[i] = b * gram.pointer[i] + c * square.pointer[i]
            }
            if isTall {
                unsafe MatrixProduct.multiply(
                    .plain(x), .plain(square.pointer), into: product.pointer, m: rows, n: side,
                    k: side, precision: precision)
            } else {
                unsafe MatrixProduct.multiply(
                    .plain(square.pointer), .plain(x), into: product.pointer, m: side, n: columns,
                    k: side, precision: precision)
            }
            for i in 0..<count { unsafe x[i] = a * x[i] + product.pointer[i] }
        }
    }

    private static func scale(_ x: UnsafeMutablePointer<Float>, _ count: Int, by factor: Float) {
        for i in 0..<count { unsafe x[i] *= factor }
    }
}
