public import ChoroyTensor

/// A linear map without bias; `weight` is [out, in], as checkpoints have it.
public struct Linear: Sendable {
    public let weight: Parameter

    public init(_ input: Int, _ output: Int, in scope: ParameterScope, deviation: Float) throws {
        weight = try scope.parameter(
            "weight", shape: [output, input], initial: .normal(standardDeviation: deviation))
    }

    /// x: [N, in] to [N, out].
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        linear(x, weight.value(recording: pass.recordsGradient))
    }
}
