/// Products of large matrices for training, in Float or bfloat16.
///
/// The order of each sum depends on its depth only, so its bits depend neither on the number of threads
/// nor on the other rows and columns.
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

    /// The right factor [k, n] of one or more products, packed once.
    package struct Right {
        let panels: Panels

        package init(_ operand: Operand, n: Int, k: Int, precision: Precision) {
            panels = Panels(operand, n: n, k: k, precision: precision)
        }
    }

    /// c [m, n] = a [m, k] · b [k, n], or c += a · b.
    package static func multiply(
        _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, m: Int, n: Int, k: Int,
        accumulate: Bool = false, precision: Precision = .float32
    ) {
        unsafe multiply(
            a, Right(b, n: n, k: k, precision: precision), into: c, m: m, accumulate: accumulate)
    }

    /// c [m, n] = a [m, k] · b [k, n], or c += a · b; rows of c are `stride` floats apart, n when nil.
    package static func multiply(
        _ a: Operand, _ right: Right, into c: UnsafeMutablePointer<Float>, stride: Int? = nil,
        m: Int, accumulate: Bool = false
    ) {
        unsafe sum([(a, right.panels)], into: c, stride: stride, m: m, accumulate: accumulate)
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
        let terms = [first, second].map {
            ($0.a, Panels($0.b, n: n, k: $0.k, precision: precision))
        }
        unsafe sum(terms, into: c, m: m)
    }

    /// c [m, n] = the sum of several products, each added while a tile of the one before is in the cache.
    package static func multiply(
        sumOf terms: [(a: Operand, b: Right)], into c: UnsafeMutablePointer<Float>, m: Int
    ) {
        unsafe sum(terms.map { ($0.a, $0.b.panels) }, into: c, m: m)
    }

    private static func sum(
        _ terms: [(a: Operand, b: Panels)], into c: UnsafeMutablePointer<Float>,
        stride: Int? = nil, m: Int, accumulate: Bool = false
    ) {
        guard let n = terms.first?.b.n, m > 0, n > 0 else { return }
        let k = terms.reduce(0) { $0 + $1.b.k }
        OperationTimes.shared.count(operations: 2 * m * n * k)
        let stride = stride ?? n
        let product = unsafe PanelProduct(into: c, stride: stride, m: m, accumulate: accumulate)
        let added = terms.filter { $0.b.k > 0 }
        if added.isEmpty, !accumulate {
            for r in 0..<m { unsafe (c + r * stride).update(repeating: 0, count: n) }
        }
        product.multiply(added)
    }
}
