internal import COpenBLAS
internal import ChoroySystem

/// Products of large matrices for training: OpenBLAS with one thread inside tiles of our own.
///
/// The tile grid depends on the shape only and every tile is computed whole, so the bits do not depend
/// on the number of threads. They do depend on the number of rows, so generation and scoring use
/// `PackedMatrix` instead.
package enum MatrixProduct {
    /// A matrix in memory, and whether it is stored the other way round.
    @safe package struct Operand {
        let pointer: UnsafePointer<Float>
        let isTransposed: Bool
        /// Floats from a stored row to the next; nil when the rows lie side by side.
        private let stride: Int?

        package static func plain(_ pointer: UnsafePointer<Float>, stride: Int? = nil) -> Operand {
            unsafe Operand(pointer: pointer, isTransposed: false, stride: stride)
        }

        package static func transposed(
            _ pointer: UnsafePointer<Float>, stride: Int? = nil
        ) -> Operand {
            unsafe Operand(pointer: pointer, isTransposed: true, stride: stride)
        }

        /// Floats from a stored row to the next of a matrix [m, k].
        func stride(m: Int, k: Int) -> Int { stride ?? (isTransposed ? m : k) }
    }

    /// The right factor [k, n] of one or more products, packed where that is done beforehand.
    package struct Right {
        let operand: Operand
        let n: Int
        let k: Int
        let panels: BrainPanels?

        package init(_ operand: Operand, n: Int, k: Int, precision: Precision) {
            self.operand = operand
            self.n = n
            self.k = k
            panels =
                precision == .bfloat16 && k > 0 && n > 0 ? BrainPanels(operand, n: n, k: k) : nil
        }
    }

    /// c [m, n] = a [m, k] · b [k, n], or c += a · b.
    package static func multiply(
        _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, m: Int, n: Int, k: Int,
        accumulate: Bool = false, precision: Precision = .float32
    ) {
        guard m > 0, n > 0 else { return }
        unsafe multiply(
            a, Right(b, n: n, k: k, precision: precision), into: c, m: m, accumulate: accumulate)
    }

    /// c [m, n] = a [m, k] · b [k, n], or c += a · b; rows of c are `stride` floats apart, n when nil.
    package static func multiply(
        _ a: Operand, _ right: Right, into c: UnsafeMutablePointer<Float>, stride: Int? = nil,
        m: Int, accumulate: Bool = false
    ) {
        let (b, n, k) = (right.operand, right.n, right.k)
        guard m > 0, n > 0 else { return }
        OperationTimes.shared.count(operations: 2 * m * n * k)
        let stride = stride ?? n
        if let panels = right.panels {
            unsafe BrainProduct.multiply(
                a, panels, into: c, stride: stride, m: m, accumulate: accumulate)
            return
        }
        single
        let tile = tileShape(m: m, n: n, k: k)
        let rowTiles = (m + tile.m - 1) / tile.m
        let columnTiles = (n + tile.n - 1) / tile.n
        let (lda, ldb) = (a.stride(m: m, k: k), b.stride(m: k, k: n))
        ThreadPool.shared.run(rowTiles * columnTiles) { piece in
            let i = piece % rowTiles * tile.m
            let j = piece / rowTiles * tile.n
            unsafe cblas_sgemm(
                CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans,
                b.isTransposed ? CblasTrans : CblasNoTrans,
                Int32(min(tile.m, m - i)), Int32(min(tile.n, n - j)), Int32(k), 1,
                a.pointer + (a.isTransposed ? i : i * lda), Int32(lda),
                b.pointer + (b.isTransposed ? j * ldb : j), Int32(ldb),
                accumulate ? 1 : 0, c + i * stride + j, Int32(stride))
        }
    }

    /// A product of two matrices, [m, k] and [k, n].
    package struct Term {
        let a: Operand
        let b: Operand
        let k: Int

        package init(_ a: Operand, _ b: Operand, k: Int) {
            self.a = a
            self.b = b
            self.k = k
        }
    }

    /// c [m, n] = the sum of two products; the second, with a small k, is added while a tile of the
    /// first is in the cache.
    package static func multiply(
        _ first: Term, plus second: Term, into c: UnsafeMutablePointer<Float>, m: Int, n: Int,
        precision: Precision = .float32
    ) {
        guard m > 0, n > 0 else { return }
        if precision != .float32 {
            for (term, accumulate) in [(first, false), (second, true)] {
                unsafe multiply(
                    term.a, term.b, into: c, m: m, n: n, k: term.k, accumulate: accumulate,
                    precision: precision)
            }
            return
        }
        single
        let tile = tileShape(m: m, n: n, k: first.k)
        let rowTiles = (m + tile.m - 1) / tile.m
        let columnTiles = (n + tile.n - 1) / tile.n
        ThreadPool.shared.run(rowTiles * columnTiles) { piece in
            let i = piece % rowTiles * tile.m
            let j = piece / rowTiles * tile.n
            for (term, beta) in [(first, Float(0)), (second, Float(1))] {
                unsafe cblas_sgemm(
                    CblasRowMajor, term.a.isTransposed ? CblasTrans : CblasNoTrans,
                    term.b.isTransposed ? CblasTrans : CblasNoTrans,
                    Int32(min(tile.m, m - i)), Int32(min(tile.n, n - j)), Int32(term.k), 1,
                    term.a.pointer + (term.a.isTransposed ? i : i * term.k),
                    Int32(term.a.isTransposed ? m : term.k),
                    term.b.pointer + (term.b.isTransposed ? j * term.k : j),
                    Int32(term.b.isTransposed ? term.k : n), beta,
                    c + i * n + j, Int32(n))
            }
        }
    }

    /// At least eight tiles where the matrix allows it, none under about half a million operations.
    private static func tileShape(m: Int, n: Int, k: Int) -> (m: Int, n: Int) {
        let smallest = 500_000
        var tile = (m: m, n: n)
        var pieces = 1
        while pieces < 8 || tile.m > 512 || tile.n > 2048 {
            let mayCut = tile.m * tile.n * k >= 2 * smallest
            guard mayCut else { break }
            if tile.m >= tile.n / 2 && tile.m >= 32 {
                tile.m = ((tile.m + 1) / 2 + 15) / 16 * 16
            } else if tile.n >= 32 {
                tile.n = ((tile.n + 1) / 2 + 15) / 16 * 16
            } else {
                break
            }
            pieces = ((m + tile.m - 1) / tile.m) * ((n + tile.n - 1) / tile.n)
        }
        return tile
    }

    /// OpenBLAS runs single-threaded inside our pool.
    private static let single: Void = { openblas_set_num_threads(1) }()
}
