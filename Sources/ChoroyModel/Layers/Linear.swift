public import ChoroyTensor

/// A linear map without bias; `weight` is [out, in], as checkpoints have it.
public struct Linear: Sendable {
    public let weight: Weight
    /// What fine-tuning adds; nil for a model as it was trained.
    public let adapter: LowRankAdapter?

    public init(_ input: Int, _ output: Int, in scope: ParameterScope, deviation: Float) throws {
        weight = try scope.weight(
            "weight", shape: [output, input], initial: .normal(standardDeviation: deviation))
        adapter = try scope.adapter(for: weight)
    }

    /// Whether this is a product with the matrix and nothing else.
    var isPlain: Bool { adapter == nil && weight.replacement == nil }

    /// x: [N, in] to [N, out]; `isOnlyUse` when nothing else remembers x for the backward pass.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass, isOnlyUse: Bool = false) -> Tensor
    {
        guard let adapter else {
            return linear(
                x, weight, recording: pass.recordsGradient, precision: pass.precision,
                isOnlyUse: isOnlyUse)
        }
        return adapter(x, changing: weight, pass)
    }

    /// Several maps of one input that nothing else remembers: one result for each.
    static func apply(_ maps: [Linear], to x: Tensor, _ pass: ForwardPass) -> [Tensor] {
        guard maps.allSatisfy(\.isPlain) else { return maps.map { $0(x, pass) } }
        return linears(
            x, maps.map(\.weight), recording: pass.recordsGradient, precision: pass.precision)
    }
}
