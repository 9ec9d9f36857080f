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
    linearCrossEntropy(hidden, weight, replaced: nil, targets: targets, precision: precision)
}

/// The same with some rows of `weight` replaced by those of `replaced.values` [R, D].
func linearCrossEntropy(
    _ hidden: Tensor, _ weight: Tensor, replaced: (columns: [Int32], values: Tensor)?,
    targets: [Int32], precision: Precision
) -> Tensor {
    let (rows, depth, vocabulary) = (hidden.rows, hidden.width, weight.shape[0])
    precondition(
        weight.shape == [vocabulary, depth] && targets.count == rows,
        "linearCrossEntropy: \(hidden.shape), \(weight.shape), \(targets.count) targets")
    precondition(targets.allSatisfy { $0 < vocabulary }, "linearCrossEntropy: target beyond V")
    let counted = targets.reduce(0) { $1 < 0 ? $0 : $0 + 1 }
    precondition(counted > 0, "linearCrossEntropy: no target counts")
    let records =
        hidden.isRecorded || weight.isRecorded || replaced?.values.isRecorded ?? false
    let factor: Float = records ? 1 / Float(counted) : 0
    let block = max(16, min(rows, (4 << 20) / max(1, vocabulary)))
    let logits = TensorStorage(count: block * vocabulary)
    let slopes = hidden.isRecorded ? TensorStorage(count: rows * depth) : nil
    let columns = replaced.map {
        ReplacedColumns($0.columns, $0.values, rows: block, of: vocabulary)
    }
    let weightSlopes = weight.isRecorded ? TensorStorage(count: weight.count) : nil
    var losses = [Double](repeating: 0, count: rows)
    for first in stride(from: 0, to: rows, by: block) {
        let count = min(block, rows - first)
        let x = unsafe hidden.pointer + first * depth
        unsafe MatrixProduct.multiply(
            .plain(x), .transposed(weight.pointer), into: logits.pointer, m: count, n: vocabulary,
            k: depth, precision: precision)
        unsafe columns?.put(x, count, into: logits.pointer)
        unsafe losses.withUnsafeMutableBufferPointer { losses in
            guard let losses = losses.baseAddress else { return }
            unsafe targets.withUnsafeBufferPointer { targets in
                guard let targets = targets.baseAddress else { return }
                Parallel.rows(count, width: vocabulary) { range in
                    let r = range.lowerBound
                    unsafe Kernels.table.cross_entropy(
                        logits.pointer + r * vocabulary, targets + first + r, losses + first + r,
                        range.count, vocabulary, factor)
                }
            }
        }
        // Takes the slopes of these columns out, so that the base's rows get none.
        if records { unsafe columns?.take(x, count, from: logits.pointer, isFirst: first == 0) }
        if let slopes {
            unsafe MatrixProduct.multiply(
                .plain(logits.pointer), .plain(weight.pointer),
                into: slopes.pointer + first * depth, m: count,
                n: depth, k: vocabulary, precision: precision)
            unsafe columns?.addSlopes(to: slopes.pointer + first * depth, count)
        }
        if let weightSlopes {
            unsafe MatrixProduct.multiply(
                .transposed(logits.pointer), .plain(x), into: weightSlopes.pointer, m: vocabulary,
                n: depth, k: count, accumulate: first > 0, precision: precision)
        }
    }
    let mean = losses.reduce(0, +) / Double(counted)
    let slopesOf = { (storage: TensorStorage?, shape: [Int], scale: Float) in
        storage.map { scaled(Tensor(shape: shape, storage: $0), by: scale) }
    }
    let loss = Tensor([Float(mean)], shape: [1])
    guard let columns, let replaced else {
        return loss.recording(hidden, weight) { dy, _ in
            [
                slopesOf(slopes, hidden.shape, dy.scalar),
                slopesOf(weightSlopes, weight.shape, dy.scalar),
            ]
        }
    }
    return loss.recording(hidden, weight, replaced.values) { dy, _ in
        [
            slopesOf(slopes, hidden.shape, dy.scalar),
            slopesOf(weightSlopes, weight.shape, dy.scalar),
            slopesOf(columns.valueSlopes, replaced.values.shape, dy.scalar),
        ]
    }
}

/// Columns of the logits that come from other rows than the matrix's, and their slopes.
private struct ReplacedColumns {
    let columns: [Int32]
    let values: Tensor
    let vocabulary: Int
    /// Logits, then slopes, of one block: [rows, R].
    private let block: TensorStorage
    /// The slopes of `values`.
    let valueSlopes: TensorStorage

    init(_ columns: [Int32], _ values: Tensor, rows: Int, of vocabulary: Int) {
        precondition(
            values.rows == columns.count && columns.allSatisfy { $0 >= 0 && $0 < vocabulary },
            "linearCrossEntropy: rows \(columns) replaced by \(values.shape)")
        self.columns = columns
        self.values = values
        self.vocabulary = vocabulary
        block = TensorStorage(count: rows * columns.count)
        valueSlopes = TensorStorage(count: values.count)
    }

    func put(_ x: UnsafePointer<Float>, _ rows: Int, into logits: UnsafeMutablePointer<Float>) {
        unsafe MatrixProduct.multiply(
            .plain(x), .transposed(values.pointer), into: block.pointer, m: rows,
            n: columns.count, k: values.width)
        for n in 0..<rows {
            for (i, o) in columns.enumerated() {
                unsafe logits[n * vocabulary + Int(o)] = block.pointer[n * columns.count + i]
            }
        }
    }

    func take(
        _ x: UnsafePointer<Float>, _ rows: Int, from slopes: UnsafeMutablePointer<Float>,
        isFirst: Bool
    ) {
        for n in 0..<rows {
            for (i, o) in columns.enumerated() {
                unsafe block.pointer[n * columns.count + i] = slopes[n * vocabulary + Int(o)]
                unsafe slopes[n * vocabulary + Int(o)] = 0
            }
        }
        unsafe MatrixProduct.multiply(
            .transposed(block.pointer), .plain(x), into: valueSlopes.pointer, m: columns.count,
            n: values.width, k: rows, accumulate: !isFirst)
    }

    func addSlopes(to slopes: UnsafeMutablePointer<Float>, _ rows: Int) {
        unsafe MatrixProduct.multiply(
            .plain(block.pointer), .plain(values.pointer), into: slopes, m: rows,
            n: values.width, k: columns.count, accumulate: true)
    }
}
