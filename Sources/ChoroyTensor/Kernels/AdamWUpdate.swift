internal import CChoroyKernels
internal import ChoroySystem

/// The numbers of one AdamW step that are the same for all elements of a parameter.
///
/// Source: Loshchilov & Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101
public struct AdamWCoefficients: Sendable {
    public var learningRate: Float
    public var beta1: Float
    public var beta2: Float
    public var epsilon: Float
    public var weightDecay: Float
    /// Factor on the gradient, for clipping.
    public var gradientScale: Float
    /// Steps taken, this one included: 1 for the first.
    public var step: Int

    public init(
        learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float,
        gradientScale: Float, step: Int
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.gradientScale = gradientScale
        self.step = step
    }

    /// 1 / (1 − betaᵗ), the power by repeated squaring.
    fileprivate func correction(_ beta: Float) -> Float {
        var (power, square, exponent) = (1.0, Double(beta), step)
        while exponent > 0 {
            if exponent & 1 == 1 { power *= square }
            square *= square
            exponent >>= 1
        }
        return Float(1 / (1 - power))
    }
}

/// First and second moments of the gradients, in the order of the parameters.
@safe public struct AdamWMoments: ~Copyable {
    private let parameters: [Parameter]
    private var first: [TensorStorage] = []
    private var second: [TensorStorage] = []

    /// Zeros for each of `parameters`.
    public init(for parameters: [Parameter]) {
        self.parameters = parameters
        for parameter in parameters {
            for _ in 0..<2 {
                let storage = TensorStorage(count: parameter.count)
                unsafe storage.pointer.update(repeating: 0, count: parameter.count)
                if first.count == second.count {
                    first.append(storage)
                } else {
                    second.append(storage)
                }
            }
        }
    }

    /// Copies of the moments of parameter `index`.
    public func values(_ index: Int) -> (first: Tensor, second: Tensor) {
        let shape = parameters[index].shape
        func copy(_ storage: TensorStorage) -> Tensor {
            unsafe Tensor(shape: shape) { target in
                unsafe target.baseAddress?.update(from: storage.pointer, count: target.count)
            }
        }
        return (copy(first[index]), copy(second[index]))
    }

    /// Sets the moments of parameter `index`.
    public mutating func set(_ index: Int, first a: Tensor, second b: Tensor) {
        let count = parameters[index].count
        precondition(a.count == count && b.count == count, "moments: \(a.shape), \(b.shape)")
        unsafe first[index].pointer.update(from: a.pointer, count: count)
        unsafe second[index].pointer.update(from: b.pointer, count: count)
    }

    /// One step for all parameters that have a gradient; only those of two axes decay.
    public mutating func update(
        with gradients: borrowing Gradients, _ coefficients: AdamWCoefficients
    ) {
        let corrections = (
            coefficients.correction(coefficients.beta1), coefficients.correction(coefficients.beta2)
        )
        let grain = 1 << 14
        var slopes: [UnsafeMutablePointer<Float>] = unsafe []
        var learning: [Int] = []
        for (index, parameter) in parameters.enumerated() {
            guard let slope = unsafe gradients.pointer(for: parameter) else { continue }
            unsafe slopes.append(slope)
            learning.append(index)
        }
        let chosen = learning.map { parameters[$0] }
        let pieces = chosen.indices.flatMap { index in
            stride(from: 0, to: chosen[index].count, by: grain).map { (index, $0) }
        }
        let moments = learning.map { (first[$0], second[$0]) }
        let gradients = unsafe slopes
        unsafe Parameter.update(chosen) { values in
            ThreadPool.shared.run(pieces.count) { piece in
                let (index, i) = pieces[piece]
                let decay = chosen[index].shape.count >= 2 ? coefficients.weightDecay : 0
                unsafe Kernels.table.adamw(
                    values[index] + i, gradients[index] + i, moments[index].0.pointer + i,
                    moments[index].1.pointer + i, min(grain, chosen[index].count - i),
                    coefficients.gradientScale, coefficients.learningRate, coefficients.beta1,
                    coefficients.beta2, coefficients.epsilon, decay, corrections.0, corrections.1)
            }
        }
    }
}
