internal import ChoroyTensor

/// Grouped-query self-attention with rotary positions.
struct SelfAttention: Sendable {
    let qProj: Linear
    let kProj: Linear
    let vProj: Linear
    let oProj: Linear
    private let layer: Int
    private let shape: AttentionShape
    /// The matrices of q, k and v, and that of o, for a step.
    private let inputs: [Weight]
    private let outputs: [Weight]

    init(
        _ config: TransformerConfig, _ shape: AttentionShape, layer: Int, in scope: ParameterScope
    ) throws {
        let deviation = Float(config.initializerRange)
        let width = config.hiddenSize
        self.layer = layer
        self.shape = shape
        let queries = config.numAttentionHeads * config.headDim
        let keys = config.numKeyValueHeads * config.headDim
        qProj = try Linear(width, queries, in: scope["q_proj"], deviation: deviation)
        kProj = try Linear(width, keys, in: scope["k_proj"], deviation: deviation)
        vProj = try Linear(width, keys, in: scope["v_proj"], deviation: deviation)
        oProj = try Linear(
            queries, width, in: scope["o_proj"], deviation: config.residualDeviation)
        inputs = [qProj.weight, kProj.weight, vProj.weight]
        outputs = [oProj.weight]
    }

    /// Whether `step` computes the same.
    var isPlain: Bool { [qProj, kProj, vProj, oProj].allSatisfy(\.isPlain) }

    /// x: [N, D] to [N, D].
    func callAsFunction(_ x: Tensor, _ pass: ForwardPass, _ table: RotaryTable) -> Tensor {
        let qkv = Linear.apply([qProj, kProj, vProj], to: x, pass)
        let q = rotary(qkv[0], positions: pass.positions, table: table)
        let k = rotary(qkv[1], positions: pass.positions, table: table)
        let v = qkv[2]
        guard let memory = pass.memory else {
            return oProj(
                attention(
                    q: q, k: k, v: v, lengths: pass.lengths,
                    shape: pass.recordsGradient ? shape.inFloats : shape,
                    precision: pass.precision), pass)
        }
        return oProj(
            attention(
                q: q, k: k, v: v, rows: memory.rows, tiles: memory.tiles, layer: layer,
                shape: shape), pass)
    }

    /// The same of one row behind `past` others: normed to attended.
    func step(_ memory: StepMemory, _ tiles: [KeyValueTiles], past: Int, _ table: RotaryTable) {
        memory.qkv.multiply(memory.normed, by: inputs, bytes: memory.bytes)
        memory.qk.rotate(position: past, table)
        memory.heads.attend(
            q: memory.q, k: memory.k, v: memory.v, past: past, tiles: tiles, shape: shape)
        memory.change.multiply(memory.heads, by: outputs, bytes: memory.bytes)
    }
}
