internal import CChoroyKernels
internal import Synchronization

/// What is added to a frozen matrix W [O, K]: s · B A, and with a magnitude m the length of each row.
///
///     W' = W + s · B A        or        W' = m / ‖W + s · B A‖ · (W + s · B A), row by row
///
/// A: [r, K]   B: [O, r]   m: [O]
/// Source: Hu et al. 2021, section 4.1, https://arxiv.org/abs/2106.09685; Liu et al. 2024, eq. 5,
/// https://arxiv.org/abs/2402.09353
public struct LowRankChange: Sendable {
    public let a: Parameter
    public let b: Parameter
    /// s.
    public let scaling: Float
    /// m; nil leaves the lengths as they come.
    public let magnitude: Parameter?
    private let norms = RowNorms()

    /// - Precondition: the shapes fit each other.
    public init(a: Parameter, b: Parameter, scaling: Float, magnitude: Parameter? = nil) {
        precondition(
            a.shape.count == 2 && b.shape.count == 2 && a.shape[0] == b.shape[1]
                && magnitude?.shape ?? [b.shape[0]] == [b.shape[0]],
            "LowRankChange: A \(a.shape), B \(b.shape), m \(String(describing: magnitude?.shape))")
        self.a = a
        self.b = b
        self.scaling = scaling
        self.magnitude = magnitude
    }

    /// W' as a matrix of its own [O, K].
    public func merged(into weight: Weight) -> Tensor {
        let sum = sum(with: weight)
        guard let magnitude else { return sum }
        let (norms, width) = (sum.rowNorms, sum.width)
        Parallel.rows(sum.rows, width: width) { range in
            for row in range {
                let factor = unsafe magnitude.value.pointer[row] / norms.pointer[row]
                let values = unsafe sum.storage.pointer + row * width
                for i in 0..<width { unsafe values[i] *= factor }
            }
        }
        return sum
    }

    /// ‖W + s · B A‖ of each row: [O]; kept until A or B changes.
    package func norms(of weight: Weight) -> Tensor {
        norms.value(versions: (a.version, b.version)) { sum(with: weight).rowNorms }
    }

    /// W + s · B A [O, K].
    private func sum(with weight: Weight) -> Tensor {
        let scaled = ChoroyTensor.scaled(b.value, by: scaling)
        let (rows, columns, rank) = (b.shape[0], a.shape[1], a.shape[0])
        let sum = weight.copy()
        precondition(sum.shape == [rows, columns], "LowRankChange: W \(sum.shape)")
        unsafe MatrixProduct.multiply(
            .plain(scaled.pointer), .plain(a.value.pointer), into: sum.storage.pointer, m: rows,
            n: columns, k: rank, accumulate: true)
        return sum
    }
}

/// The norms that belong to one state of A and B.
private final class RowNorms: Sendable {
    private let kept = Mutex<(a: Int, b: Int, norms: Tensor)?>(nil)

    func value(versions: (a: Int, b: Int), _ make: () -> Tensor) -> Tensor {
        kept.withLock { kept in
            if let kept, (kept.a, kept.b) == versions { return kept.norms }
            let norms = make()
            kept = (versions.a, versions.b, norms)
            return norms
        }
    }
}

extension Tensor {
    /// The Euclidean norm of each row: [rows].
    package var rowNorms: Tensor {
        unsafe Tensor(shape: [rows]) { norms in
            Parallel.rows(rows, width: width) { range in
                for row in range {
                    unsafe norms[row] = Float(
                        Kernels.table.sum_of_squares(pointer + row * width, width).squareRoot())
                }
            }
        }
    }

    /// Calls `body` with the elements as they lie in memory.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
        -> Result
    {
        try withExtendedLifetime(storage) {
            try unsafe body(UnsafeRawBufferPointer(start: storage.pointer, count: 4 * count))
        }
    }

    /// Whether no element is infinite or not a number.
    public var isFinite: Bool {
        for i in 0..<count where unsafe !pointer[i].isFinite { return false }
        return true
    }
}
