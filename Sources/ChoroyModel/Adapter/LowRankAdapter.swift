public import ChoroyTensor

/// The low-rank change of one linear map: y + s · B(A x).
///
/// Source: Hu et al. 2021, section 4.1, https://arxiv.org/abs/2106.09685
public struct LowRankAdapter: Sendable {
    /// A: [r, in].
    public let loraA: Parameter
    /// B: [out, r].
    public let loraB: Parameter
    /// s.
    public let scaling: Float

    public init(loraA: Parameter, loraB: Parameter, scaling: Float) {
        self.loraA = loraA
        self.loraB = loraB
        self.scaling = scaling
    }

    /// What the map gives with its change: `y` is what it gives without.
    public func callAsFunction(_ x: Tensor, adding y: Tensor, _ pass: ForwardPass) -> Tensor {
        let records = pass.recordsGradient
        let low = linear(x, loraA.value(recording: records), precision: pass.precision)
        let change = linear(low, loraB.value(recording: records), precision: pass.precision)
        return sum(y, scaled(change, by: scaling))
    }
}

/// Where the adapters of a model come from: new ones of a recipe, or a file's.
public protocol AdapterSource {
    /// The adapter of the map at `path`, such as `model.layers.0.self_attn.q_proj`; nil for none.
    func adapter(path: String, of weight: Weight) throws -> LowRankAdapter?

    /// The rows that stand in for rows of the matrix at `path`; nil for none.
    func replacement(path: String, of weight: Weight) throws -> RowReplacement?
}
