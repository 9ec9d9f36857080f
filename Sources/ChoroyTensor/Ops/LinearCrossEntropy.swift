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
    let (rows, depth, vocabulary) = (hidden.rows, hidden.width, weight.shape[0])
    precondition(
        weight.shape == [vocabulary, depth] && targets.count == rows,
        "linearCrossEntropy: \(hidden.shape), \(weight.shape), \(targets.count) targets")
    precondition(targets.allSatisfy { $0 < vocabulary }, "linearCrossEntropy: target beyond V")
    let counted = targets.reduce(0) { $1 < 0 ? $0 : $0 + 1 }
    precondition(counted > 0, "linearCrossEntropy: no target counts")
    let records = hidden.isRecorded || weight.isRecorded
    let factor: Float = records ? 1 / Float(counted) : 0
    let block = max(16, min(rows, (4 << 20) / max(1, vocabulary)))
    let logits = TensorStorage(count: block * vocabulary)
    let slopes = records ? TensorStorage(count: rows * depth) : nil
    let weightSlopes = weight.isRecorded ? TensorStorage(count: weight.count) : nil
    var losses = [Double](repeating: 0, count: rows)
    for first in stride(from: 0, to: rows, by: block) {
        let count = min(block, rows - first)
        let x = unsafe hidden.pointer + first * depth
        unsafe MatrixProduct.multiply(
            .plain(x), .transposed(weight.pointer), into: logits.pointer, m: count, n: vocabulary,
            k: depth, precision: precision)
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
        if let slopes {
            unsafe MatrixProduct.multiply(
                .plain(logits.pointer), .plain(weight.pointer),
                into: slopes.pointer + first * depth, m: count,
                n: depth, k: vocabulary, precision: precision)
        }
        if let weightSlopes {
            unsafe MatrixProduct.multiply(
                .transposed(logits.pointer), .plain(x), into: weightSlopes.pointer, m: vocabulary,
                n: depth, k: count, accumulate: first > 0, precision: precision)
        }
    }
    let mean = losses.reduce(0, +) / Double(counted)
    return Tensor([Float(mean)], shape: [1]).recording(hidden, weight) { dy, _ in
        let scale = dy.scalar
        return [
            slopes.map { scaled(Tensor(shape: hidden.shape, storage: $0), by: scale) },
            weightSlopes.map { scaled(Tensor(shape: weight.shape, storage: $0), by: scale) },
        ]
    }
}
