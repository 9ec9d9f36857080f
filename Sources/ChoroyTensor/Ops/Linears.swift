/// Several linear maps of one input, such as those to queries, keys and values.
///
///     yᵢ = x · Wᵢᵀ        x: [N, K]   Wᵢ: [Oᵢ, K]   yᵢ: [N, Oᵢ]
///
/// The same as `linear` for each. What is recorded keeps x once, as the weights' gradients read it, and takes
/// the input's gradient Σ dyᵢ · Wᵢ in one product; so nothing else should need to remember the numbers of x.
public func linears(
    _ x: Tensor, _ weights: [Weight], recording: Bool, precision: Precision = .float32
) -> [Tensor] {
    let values = weights.compactMap { $0.trainedValue(recording: recording) }
    guard values.count == weights.count, x.isRecorded else {
        return weights.map { linear(x, $0, recording: recording, precision: precision) }
    }
    let shared = SharedInput(x, precision)
    // Stands for x: its gradient is taken when those of all maps are there.
    let input = x.recording(x, function: "linear") { _, _ in [shared.gradient()] }
    return values.map { weight in
        let y = unsafe Tensor(shape: x.shape(width: weight.shape[0])) { y in
            guard let y = y.baseAddress else { return }
            unsafe MatrixProduct.multiply(
                .plain(x.pointer), weight.right(transposed: true, precision), into: y, m: x.rows)
        }
        return y.recording(input, weight, function: "linear") { dy, gradients in
            shared.slopes.append((dy, weight))
            return [
                SharedInput.mark,
                weightGradient(dy: dy, shared.packed, weight: weight, into: &gradients),
            ]
        }
    }
}

/// The input of several maps, and what the backward pass brings from them.
private final class SharedInput {
    let packed: MatrixProduct.Right
    var slopes: [(dy: Tensor, weight: Tensor)] = []
    private let shape: [Int]
    private let rows: Int
    private let precision: Precision
    /// What the maps send instead of a gradient of their own.
    static let mark = Tensor([], shape: [0])

    init(_ x: Tensor, _ precision: Precision) {
        packed = unsafe MatrixProduct.Right(
            .plain(x.pointer), n: x.width, k: x.rows, precision: precision)
        (shape, rows, self.precision) = (x.shape, x.rows, precision)
    }

    /// Σ dyᵢ · Wᵢ [N, K].
    func gradient() -> Tensor {
        defer { slopes = [] }
        return unsafe Tensor(shape: shape) { dx in
            guard let dx = dx.baseAddress else { return }
            let terms = slopes.map {
                unsafe (
                    MatrixProduct.Operand.plain($0.dy.pointer),
                    $0.weight.right(transposed: false, precision)
                )
            }
            unsafe MatrixProduct.multiply(sumOf: terms, into: dx, m: rows)
        }
    }
}

extension Weight {
    /// The matrix, when it is one of floats that is trained as a whole.
    fileprivate func trainedValue(recording: Bool) -> Tensor? {
        guard replacement == nil, case .dense(let parameter) = storage else { return nil }
        let value = parameter.value(recording: recording)
        return value.isRecorded ? value : nil
    }
}
