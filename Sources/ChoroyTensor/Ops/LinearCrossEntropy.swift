internal import CChoroyKernels
internal import ChoroySystem

/// Mean cross-entropy, in nats, of the softmax of `hidden · weightᵀ` with the targets.
///
/// hidden: [N, D], weight: [V, D], targets: N ids, negative for rows that do not count. The logits
/// [N, V] never exist as a whole: blocks of rows are scored, turned into slopes and multiplied back in
/// one pass.
/// - Precondition: targets are below V; at least one counts.
public func linearCrossEntropy(
    _ hidden: Tensor, _ weight: Tensor, targets: [Int32], precision: Precision = .float32
) -> Tensor {
    let (depth, vocabulary) = (hidden.width, weight.shape[0])
    precondition(
        weight.shape == [vocabulary, depth], "linearCrossEntropy: \(hidden.shape), \(weight.shape)")
    let weightSlopes = weight.isRecorded ? TensorStorage(count: weight.count) : nil
    var isFirst = true
    let result = unsafe HeadLoss(
        hidden, outputs: vocabulary, targets: targets,
        records: hidden.isRecorded || weight.isRecorded,
        scores: { x, rows, y in
            unsafe MatrixProduct.multiply(
                .plain(x), .transposed(weight.pointer), into: y, m: rows, n: vocabulary, k: depth,
                precision: precision)
        },
        slopes: { dy, rows, dx in
            unsafe MatrixProduct.multiply(
                .plain(dy), .plain(weight.pointer), into: dx, m: rows, n: depth, k: vocabulary,
                precision: precision)
        },
        weightSlopes: { dy, x, rows in
            guard let weightSlopes else { return }
            unsafe MatrixProduct.multiply(
                .transposed(dy), .plain(x), into: weightSlopes.pointer, m: vocabulary, n: depth,
                k: rows, accumulate: !isFirst, precision: precision)
            isFirst = false
        })
    return result.mean.recording(hidden, weight) { dy, _ in
        [
            result.slopes(times: dy.scalar),
            weightSlopes.map {
                scaled(Tensor(shape: weight.shape, storage: $0), by: dy.scalar)
            },
        ]
    }
}

/// The loss of a head, whatever form its matrix has: the products are the caller's.
struct HeadLoss {
    /// In nats, a scalar.
    let mean: Tensor
    private let shape: [Int]
    private let hiddenSlopes: TensorStorage?

    typealias Product = (
        _ rows: UnsafePointer<Float>, _ count: Int, _ result: UnsafeMutablePointer<Float>
    ) -> Void

    /// - Parameters:
    ///   - outputs: the vocabulary's size.
    ///   - scores: hidden rows times the transposed matrix.
    ///   - slopes: slopes of scores times the matrix.
    ///   - weightSlopes: adds what a block of rows, slopes of scores and hidden, gives for the matrix.
    init(
        _ hidden: Tensor, outputs vocabulary: Int, targets: [Int32], records: Bool,
        scores: Product, slopes: Product,
        weightSlopes: (UnsafePointer<Float>, UnsafePointer<Float>, Int) -> Void = { _, _, _ in }
    ) {
        let (rows, depth) = (hidden.rows, hidden.width)
        precondition(
            targets.count == rows,
            "linearCrossEntropy: \(hidden.shape), \(targets.count) targets")
        precondition(targets.allSatisfy { $0 < vocabulary }, "linearCrossEntropy: target beyond V")
        let counted = targets.reduce(0) { $1 < 0 ? $0 : $0 + 1 }
        precondition(counted > 0, "linearCrossEntropy: no target counts")
        let factor: Float = records ? 1 / Float(counted) : 0
        let block = max(16, min(rows, (4 << 20) / max(1, vocabulary)))
        let logits = TensorStorage(count: block * vocabulary)
        hiddenSlopes = records ? TensorStorage(count: rows * depth) : nil
        shape = hidden.shape
        var losses = [Double](repeating: 0, count: rows)
        for first in stride(from: 0, to: rows, by: block) {
            let count = min(block, rows - first)
            let x = unsafe hidden.pointer + first * depth
            unsafe scores(x, count, logits.pointer)
            unsafe losses.withUnsafeMutableBufferPointer { losses in
                guard let losses = losses.baseAddress else { return }
                unsafe targets.withUnsafeBufferPointer { targets in
                    guard let targets = targets.baseAddress else { return }
                    Parallel.rows(count, width: vocabulary) { range in
                        let r = range.lowerBound
                        unsafe Kernels.table.cross_entropy(
                            logits.pointer + r * vocabulary, targets + first + r,
                            losses + first + r, range.count, vocabulary, factor)
                    }
                }
            }
            guard let hiddenSlopes else { continue }
            unsafe slopes(logits.pointer, count, hiddenSlopes.pointer + first * depth)
            unsafe weightSlopes(logits.pointer, x, count)
        }
        mean = Tensor([Float(losses.reduce(0, +) / Double(counted))], shape: [1])
    }

    /// The gradient of the hidden rows when that of the loss is `scale`; nil when none was wanted.
    func slopes(times scale: Float) -> Tensor? {
        hiddenSlopes.map { scaled(Tensor(shape: shape, storage: $0), by: scale) }
    }
}
