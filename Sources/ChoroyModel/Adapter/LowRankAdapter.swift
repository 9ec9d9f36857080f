public import ChoroyTensor

/// The low-rank change of one linear map: y + s · B(A x), or DoRA's m ⊙ (W x + s · B(A x)) / ‖W + s · BA‖.
///
/// Source: Hu et al. 2021, section 4.1, https://arxiv.org/abs/2106.09685; Liu et al. 2024, eq. 5,
/// https://arxiv.org/abs/2402.09353
public struct LowRankAdapter: Sendable {
    public let change: LowRankChange
    /// Share of the inputs that training drops before A.
    public let dropout: Float
    /// Which adapter of the model this is, for the numbers that dropout draws.
    private let index: Int

    public init(_ change: LowRankChange, dropout: Float = 0, index: Int = 0) {
        self.change = change
        self.dropout = dropout
        self.index = index
    }

    /// What the map with matrix `weight` gives with its change: x [N, in] to [N, out].
    public func callAsFunction(_ x: Tensor, changing weight: Weight, _ pass: ForwardPass)
        -> Tensor
    {
        linear(
            x, weight, plus: change, recording: pass.recordsGradient,
            dropping: pass.dropoutKey(ofAdapter: index, probability: dropout),
            precision: pass.precision)
    }
}

/// Where the adapters of a model come from: new ones of a recipe, or a file's.
public protocol AdapterSource {
    /// The adapter of the map at `path`, such as `model.layers.0.self_attn.q_proj`; nil for none.
    func adapter(path: String, of weight: Weight) throws -> LowRankAdapter?

    /// The rows that stand in for rows of the matrix at `path`; nil for none.
    func replacement(path: String, of weight: Weight) throws -> RowReplacement?
}
