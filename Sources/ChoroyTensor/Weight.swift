/// A matrix [O, K] of a model, in the form that its file has: a layer multiplies by it, or looks its
/// rows up.
///
/// One matrix serves the embedding and a tied head.
public struct Weight: Sendable {
    /// How the numbers are kept.
    public enum Storage: Sendable {
        case dense(Parameter)
        /// Bytes with a scale for each row; never trained.
        case int8(Int8Matrix)
    }

    public let storage: Storage
    /// Rows that stand in for those of the matrix.
    public var replacement: RowReplacement?

    public init(_ parameter: Parameter, replacement: RowReplacement? = nil) {
        storage = .dense(parameter)
        self.replacement = replacement
    }

    public init(_ matrix: Int8Matrix, replacement: RowReplacement? = nil) {
        storage = .int8(matrix)
        self.replacement = replacement
    }

    /// Whether the matrix is kept in bytes.
    package var isInt8: Bool {
        if case .int8 = storage { true } else { false }
    }

    /// [O, K].
    public var shape: [Int] {
        switch storage {
        case .dense(let parameter): parameter.shape
        case .int8(let matrix): matrix.shape
        }
    }
}

/// Some rows of a matrix, trained while the rest of it is frozen.
///
/// The values are whole rows, not differences: PEFT's `trainable_token_indices`.
public struct RowReplacement: Sendable {
    /// Which rows, in the order of `values`.
    public let rows: [Int32]
    /// Their values [rows.count, K].
    public let values: Parameter
    private let indices: [Int32: Int]

    /// - Precondition: no row comes twice, and `values` has a row for each.
    public init(rows: [Int32], values: Parameter) {
        indices = Dictionary(
            rows.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        precondition(
            values.shape.count == 2 && values.shape[0] == rows.count
                && indices.count == rows.count,
            "RowReplacement: rows \(rows), values \(values.shape)")
        self.rows = rows
        self.values = values
    }

    /// The matrix `weight` with these rows in it.
    package func merged(into weight: Weight) -> Tensor {
        let (merged, width) = (weight.copy(), values.shape[1])
        for (index, row) in rows.enumerated() {
            unsafe (merged.storage.pointer + Int(row) * width).update(
                from: values.value.pointer + index * width, count: width)
        }
        return merged
    }

    /// Where `tokens` has replaced rows, and which.
    func places(in tokens: [Int32]) -> [(row: Int, index: Int)] {
        tokens.indices.compactMap { row in indices[tokens[row]].map { (row, $0) } }
    }
}

extension Weight {
    /// All rows as floats, in memory of their own.
    func copy() -> Tensor { copy(ofRows: nil) }

    /// The given rows as floats, without their replacement.
    package func copy(ofRows rows: [Int]) -> Tensor { copy(ofRows: .some(rows)) }

    private func copy(ofRows rows: [Int]?) -> Tensor {
        switch storage {
        case .dense(let parameter):
            let source = parameter.value
            let rows = rows ?? Array(0..<source.rows)
            return ChoroyTensor.rows(rows, of: source)
        case .int8(let matrix):
            guard let rows else { return matrix.rows(0..<matrix.outputs) }
            return matrix.rows(at: rows)
        }
    }

    /// Whether the numbers are kept as floats.
    public var isFloat: Bool {
        switch storage {
        case .dense: true
        case .int8: false
        }
    }

    /// A frozen matrix with other numbers in the form of this one.
    package func holding(_ value: Tensor, name: String) -> Weight {
        precondition(value.shape == shape, "holding: \(value.shape) in \(shape)")
        return switch storage {
        case .dense: Weight(Parameter(name: name, value, isFrozen: true))
        case .int8: Weight(Int8Matrix(quantizing: value))
        }
    }

    /// The lengths of the rows of W + s · B A: [O].
    package func rowNorms(adding scaling: Float, a: Parameter, b: Parameter) -> Tensor {
        LowRankChange(a: a, b: b, scaling: scaling).norms(of: self)
    }

    /// The matrix, when it is one of floats that training leaves as they are.
    var frozenValue: Tensor? {
        guard replacement == nil, case .dense(let parameter) = storage, parameter.isFrozen else {
            return nil
        }
        return parameter.value
    }
}

/// x · Wᵀ: [N, K] to [N, O]; remembered for the backward pass when `recording`.
public func linear(
    _ x: Tensor, _ weight: Weight, recording: Bool, precision: Precision = .float32,
    isOnlyUse: Bool = false
) -> Tensor {
    let y =
        switch weight.storage {
        case .dense(let parameter):
            linear(
                x, parameter.value(recording: recording), precision: precision,
                isOnlyUse: isOnlyUse)
        case .int8(let matrix): linear(x, matrix, recording: recording, precision: precision)
        }
    guard let replacement = weight.replacement else { return y }
    let columns = linear(
        x, replacement.values.value(recording: recording), precision: precision)
    return replacedColumns(of: y, at: replacement.rows, by: columns)
}

/// Rows of the matrix: N tokens to [N, K].
public func embedding(_ tokens: [Int32], _ weight: Weight, recording: Bool) -> Tensor {
    let y =
        switch weight.storage {
        case .dense(let parameter): embedding(tokens, parameter.value(recording: recording))
        case .int8(let matrix): embedding(tokens, matrix)
        }
    guard let replacement = weight.replacement else { return y }
    return replacedRows(
        of: y, at: replacement.places(in: tokens),
        by: replacement.values.value(recording: recording))
}

/// Mean cross-entropy, in nats, of the softmax of `hidden · Wᵀ` with the targets; negative targets do
/// not count.
public func linearCrossEntropy(
    _ hidden: Tensor, _ weight: Weight, recording: Bool, targets: [Int32],
    precision: Precision = .float32
) -> Tensor {
    linearCrossEntropy(
        hidden, weight, recording: recording, targets: targets, precision: precision, direct: nil)
}

/// `scale` times the mean cross-entropy, recorded; the gradient of a trained weight is added to
/// `gradients` at once, that of the rest by `backward`.
public func linearCrossEntropy(
    _ hidden: Tensor, _ weight: Weight, targets: [Int32], precision: Precision, scale: Float,
    into gradients: inout Gradients
) -> Tensor {
    guard case .dense(let parameter) = weight.storage, !parameter.isFrozen,
        let sums = unsafe gradients.pointer(for: parameter)
    else {
        return scaled(
            linearCrossEntropy(
                hidden, weight, recording: true, targets: targets, precision: precision), by: scale)
    }
    return unsafe linearCrossEntropy(
        hidden, weight, recording: true, targets: targets, precision: precision,
        direct: HeadGradient(sums: sums, scale: scale))
}

private func linearCrossEntropy(
    _ hidden: Tensor, _ weight: Weight, recording: Bool, targets: [Int32], precision: Precision,
    direct: HeadGradient?
) -> Tensor {
    let replaced = weight.replacement.map {
        (columns: $0.rows, values: $0.values.value(recording: recording))
    }
    let head: HeadMatrix =
        switch weight.storage {
        case .dense(let parameter): .dense(parameter.value(recording: recording))
        case .int8(let matrix): .int8(matrix)
        }
    return linearCrossEntropy(
        hidden, head, replaced: replaced, targets: targets, precision: precision, direct: direct)
}
