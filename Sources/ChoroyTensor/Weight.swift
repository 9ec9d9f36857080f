/// A matrix [O, K] of a model, in the form that its file has: a layer multiplies by it, or looks its
/// rows up.
///
/// One matrix serves the embedding and a tied head.
public struct Weight: Sendable {
    /// How the numbers are kept.
    public enum Storage: Sendable {
        case dense(Parameter)
    }

    public let storage: Storage
    /// Rows that stand in for those of the matrix.
    public var replacement: RowReplacement?

    public init(_ parameter: Parameter, replacement: RowReplacement? = nil) {
        storage = .dense(parameter)
        self.replacement = replacement
    }

    /// [O, K].
    public var shape: [Int] {
        switch storage {
        case .dense(let parameter): parameter.shape
        }
    }
}

/// Some rows of a matrix, trained while the rest of it is frozen.
///
/// The values are whole rows, not differences: PEFT's `trainable_token_indices`.
public struct RowReplacement: Sendable {
    /// Which rows, ascending.
    public let rows: [Int32]
    /// Their values [rows.count, K].
    public let values: Parameter

    /// - Precondition: `rows` ascend, and `values` has a row for each.
    public init(rows: [Int32], values: Parameter) {
        precondition(
            values.shape.count == 2 && values.shape[0] == rows.count
                && zip(rows, rows.dropFirst()).allSatisfy(<),
            "RowReplacement: rows \(rows), values \(values.shape)")
        self.rows = rows
        self.values = values
    }
}

/// x · Wᵀ: [N, K] to [N, O]; remembered for the backward pass when `recording`.
public func linear(
    _ x: Tensor, _ weight: Weight, recording: Bool, precision: Precision = .float32
) -> Tensor {
    switch weight.storage {
    case .dense(let parameter):
        linear(x, parameter.value(recording: recording), precision: precision)
    }
}

/// Rows of the matrix: N tokens to [N, K].
public func embedding(_ tokens: [Int32], _ weight: Weight, recording: Bool) -> Tensor {
    switch weight.storage {
    case .dense(let parameter): embedding(tokens, parameter.value(recording: recording))
    }
}

/// Mean cross-entropy, in nats, of the softmax of `hidden · Wᵀ` with the targets; negative targets do
/// not count.
public func linearCrossEntropy(
    _ hidden: Tensor, _ weight: Weight, recording: Bool, targets: [Int32],
    precision: Precision = .float32
) -> Tensor {
    switch weight.storage {
    case .dense(let parameter):
        linearCrossEntropy(
            hidden, parameter.value(recording: recording), targets: targets, precision: precision)
    }
}
