public import ChoroyTensor

/// Root-mean-square normalization with a learned scale.
public struct RMSNorm: Sendable {
    public let weight: Parameter
    public let epsilon: Float

    public init(_ width: Int, epsilon: Float, in scope: ParameterScope) throws {
        weight = try scope.parameter("weight", shape: [width], initial: .ones)
        self.epsilon = epsilon
    }

    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        rmsNorm(x, weight.value(recording: pass.recordsGradient), epsilon: epsilon)
    }

    /// The same of one row: x to normed.
    func step(_ memory: StepMemory) {
        memory.normed.normalize(memory.x, weight, epsilon: epsilon)
    }
}
