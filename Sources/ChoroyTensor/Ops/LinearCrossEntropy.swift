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
    linearCrossEntropy(
        hidden, .dense(weight), replaced: nil, targets: targets, precision: precision)
}

/// Rows whose logits exist at once: blocks of equal size with at most twenty million logits.
package func headBlock(rows: Int, vocabulary: Int) -> Int {
    let blocks = max(1, (rows * vocabulary + (20 << 20) - 1) / (20 << 20))
    return min(rows, ((rows + blocks - 1) / blocks + 15) / 16 * 16)
}

/// The matrix of a head in one of its forms.
enum HeadMatrix {
    case dense(Tensor)
    case int8(Int8Matrix)

    var shape: [Int] {
        switch self {
        case .dense(let weight): weight.shape
        case .int8(let matrix): matrix.shape
        }
    }

    /// Both products of a head of floats, packed once for all blocks of rows.
    func prepared(records: Bool, _ precision: Precision) -> PreparedHead {
        guard case .dense(let weight) = self else {
            return PreparedHead(head: self, forward: nil, back: nil)
        }
        return PreparedHead(
            head: self, forward: weight.right(transposed: true, precision),
            back: records ? weight.right(transposed: false, precision) : nil)
    }

    /// What gradients may flow to; nothing for bytes.
    var weight: Tensor {
        switch self {
        case .dense(let weight): weight
        case .int8: Tensor([], shape: [0])
        }
    }
}

/// A head ready for many products.
struct PreparedHead {
    let head: HeadMatrix
    let forward: MatrixProduct.Right?
    let back: MatrixProduct.Right?

    /// y [rows, V] = x [rows, D] · Wᵀ
    func multiply(
        _ x: UnsafePointer<Float>, rows: Int, into y: UnsafeMutablePointer<Float>,
        _ precision: Precision
    ) {
        if let forward {
            unsafe MatrixProduct.multiply(.plain(x), forward, into: y, m: rows)
        } else if case .int8(let matrix) = head {
            unsafe matrix.multiply(x, rows: rows, into: y, precision)
        }
    }

    /// dx [rows, D] = dy [rows, V] · W
    func multiplyBack(
        _ dy: UnsafePointer<Float>, rows: Int, into dx: UnsafeMutablePointer<Float>,
        _ precision: Precision
    ) {
        if let back {
            unsafe MatrixProduct.multiply(.plain(dy), back, into: dx, m: rows)
        } else if case .int8(let matrix) = head {
            unsafe matrix.multiplyBack(dy, rows: rows, into: dx, precision)
        }
    }
}

/// Where the gradient of a head goes while the loss is computed, times `scale`.
@safe struct HeadGradient {
    let sums: UnsafeMutablePointer<Float>
    let scale: Float
}

/// The same with some rows of the matrix replaced by those of `replaced.values` [R, D].
///
/// With `direct` the gradient of the weight is added there at once, and the result is `direct.scale`
/// times the mean.
func linearCrossEntropy(
    _ hidden: Tensor, _ head: HeadMatrix, replaced: (columns: [Int32], values: Tensor)?,
    targets: [Int32], precision: Precision, direct: HeadGradient? = nil
) -> Tensor {
    let (rows, depth, vocabulary) = (hidden.rows, hidden.width, head.shape[0])
    let weight = head.weight
    precondition(
        head.shape == [vocabulary, depth] && targets.count == rows,
        "linearCrossEntropy: \(hidden.shape), \(head.shape), \(targets.count) targets")
    precondition(targets.allSatisfy { $0 < vocabulary }, "linearCrossEntropy: target beyond V")
    let counted = targets.reduce(0) { $1 < 0 ? $0 : $0 + 1 }
    precondition(counted > 0, "linearCrossEntropy: no target counts")
    // Rows without a target need no logits.
    if 10 * counted < 9 * rows {
        let kept = targets.indices.filter { targets[$0] >= 0 }
        return linearCrossEntropy(
            selectedRows(kept, of: hidden), head, replaced: replaced,
            targets: kept.map { targets[$0] }, precision: precision, direct: direct)
    }
    let records =
        hidden.isRecorded || weight.isRecorded || replaced?.values.isRecorded ?? false
    let scale = direct?.scale ?? 1
    let factor: Float = records ? scale / Float(counted) : 0
    let block = headBlock(rows: rows, vocabulary: vocabulary)
    let prepared = head.prepared(records: records, precision)
    let logits = TensorStorage(count: block * vocabulary)
    let slopes = hidden.isRecorded ? TensorStorage(count: rows * depth) : nil
    let columns = replaced.map {
        ReplacedColumns($0.columns, $0.values, rows: block, of: vocabulary)
    }
    let weightSlopes =
        weight.isRecorded && direct == nil ? TensorStorage(count: weight.count) : nil
    var losses = [Double](repeating: 0, count: rows)
    for first in stride(from: 0, to: rows, by: block) {
        let count = min(block, rows - first)
        let x = unsafe hidden.pointer + first * depth
        unsafe prepared.multiply(x, rows: count, into: logits.pointer, precision)
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
            unsafe prepared.multiplyBack(
                logits.pointer, rows: count, into: slopes.pointer + first * depth, precision)
            unsafe columns?.addSlopes(to: slopes.pointer + first * depth, count)
        }
        if let sums = unsafe direct?.sums ?? weightSlopes?.pointer {
            unsafe MatrixProduct.multiply(
                .transposed(logits.pointer), .plain(x), into: sums, m: vocabulary, n: depth,
                k: count, accumulate: direct != nil || first > 0, precision: precision)
        }
    }
    let mean = losses.reduce(0, +) / Double(counted) * Double(scale)
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
