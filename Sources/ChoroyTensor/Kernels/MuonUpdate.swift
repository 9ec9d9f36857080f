internal import ChoroySystem

/// The numbers of one Muon step that are the same for all matrices.
public struct MuonCoefficients: Sendable {
    public var learningRate: Float
    public var momentum: Float
    public var weightDecay: Float
    /// Factor on the gradient, for clipping.
    public var gradientScale: Float
    /// What the factors of the orthogonalization's products are rounded to.
    public var precision: Precision

    public init(
        learningRate: Float, momentum: Float, weightDecay: Float, gradientScale: Float = 1,
        precision: Precision = .float32
    ) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.weightDecay = weightDecay
        self.gradientScale = gradientScale
        self.precision = precision
    }
}

/// Running means of the gradients of matrices, and the steps along their orthogonalization.
///
///     M ← μ M + (1 − μ) G        U = orthogonalization of μ M + (1 − μ) G
///     W ← (1 − η λ) W − 0.2 √max(rows, columns) η U
///
/// The factor makes the update's root mean square about 0.2, like AdamW's, so one learning rate and
/// one weight decay serve both.
/// Sources: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; the factor: Liu et al.
/// 2025, section 2.2, https://arxiv.org/abs/2502.16982
@safe public struct MuonMoments: ~Copyable {
    private let parameters: [Parameter]
    private let moments: [TensorStorage]

    /// Zeros for each of `parameters`.
    ///
    /// - Precondition: all are matrices.
    public init(for parameters: [Parameter]) {
        precondition(
            parameters.allSatisfy { $0.shape.count == 2 },
            "Muon: \(parameters.filter { $0.shape.count != 2 }.map(\.name)) are no matrices")
        self.parameters = parameters
        moments = parameters.map { parameter in
            let storage = TensorStorage(count: parameter.count)
            unsafe storage.pointer.update(repeating: 0, count: parameter.count)
            return storage
        }
    }

    /// A copy of the running mean of matrix `index`.
    public func values(_ index: Int) -> Tensor {
        unsafe Tensor(shape: parameters[index].shape) { target in
            unsafe target.baseAddress?.update(from: moments[index].pointer, count: target.count)
        }
    }

    /// Sets the running mean of matrix `index`.
    public mutating func set(_ index: Int, to values: Tensor) {
        let count = parameters[index].count
        precondition(values.count == count, "momentum: \(values.shape)")
        unsafe moments[index].pointer.update(from: values.pointer, count: count)
    }

    /// One step for all matrices; each is one thread's work.
    public mutating func update(
        with gradients: borrowing Gradients, _ coefficients: MuonCoefficients
    ) {
        let slopes = unsafe parameters.map { unsafe gradients.pointer(for: $0) }
        let (parameters, moments) = (parameters, moments)
        ThreadPool.shared.run(parameters.count) { index in
            guard let slope = unsafe slopes[index] else { return }
            unsafe Self.update(parameters[index], moments[index].pointer, slope, coefficients)
        }
    }

    private static func update(
        _ parameter: Parameter, _ m: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>,
        _ coefficients: MuonCoefficients
    ) {
        let (rows, columns) = (parameter.shape[0], parameter.shape[1])
        let direction = TensorStorage(count: parameter.count)
        let u = unsafe direction.pointer
        let momentum = coefficients.momentum
        for i in 0..<parameter.count {
            let slope = unsafe g[i] * coefficients.gradientScale
            let mean = unsafe momentum * m[i] + (1 - momentum) * slope
            unsafe m[i] = mean
            // Nesterov: the mean as it will be when the next gradient is like this one.
            unsafe u[i] = momentum * mean + (1 - momentum) * slope
        }
        unsafe Orthogonalization.apply(
            to: u, rows: rows, columns: columns, precision: coefficients.precision)
        let kept = 1 - coefficients.learningRate * coefficients.weightDecay
        let factor = 0.2 * Float(max(rows, columns)).squareRoot() * coefficients.learningRate
        unsafe parameter.update { w in
            for i in 0..<parameter.count { unsafe w[i] = kept * w[i] - factor * u[i] }
        }
    }
}
