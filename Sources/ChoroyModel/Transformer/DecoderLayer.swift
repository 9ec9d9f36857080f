internal import ChoroyTensor

/// One layer: x + attention(norm(x)), then x + mlp(norm(x)).
///
/// Source: Touvron et al. 2023, section 2.2, https://arxiv.org/abs/2302.13971
struct DecoderLayer: Sendable {
    let inputLayernorm: RMSNorm
    let selfAttn: SelfAttention
    let postAttentionLayernorm: RMSNorm
    let mlp: MLP
    private let layer: Int

    init(
        _ config: TransformerConfig, _ shape: AttentionShape, layer: Int, in scope: ParameterScope
    ) throws {
        let epsilon = Float(config.rmsNormEps)
        self.layer = layer
        inputLayernorm = try RMSNorm(
            config.hiddenSize, epsilon: epsilon, in: scope["input_layernorm"])
        selfAttn = try SelfAttention(config, shape, layer: layer, in: scope["self_attn"])
        postAttentionLayernorm = try RMSNorm(
            config.hiddenSize, epsilon: epsilon, in: scope["post_attention_layernorm"])
        mlp = try MLP(config, in: scope["mlp"])
    }

    func callAsFunction(_ x: Tensor, _ pass: ForwardPass, _ table: RotaryTable) -> Tensor {
        let attended = selfAttn(inputLayernorm(x, pass), pass, table)
        let x = sum(x, dropout(attended, pass.dropoutKey(layer: layer, place: 1)))
        let transformed = mlp(postAttentionLayernorm(x, pass), pass)
        return sum(x, dropout(transformed, pass.dropoutKey(layer: layer, place: 2)))
    }

    /// Whether `step` computes the same.
    var isPlain: Bool { selfAttn.isPlain && mlp.isPlain }

    /// The same of one row behind `past` others, `memory.x`.
    func step(_ memory: StepMemory, _ tiles: [KeyValueTiles], past: Int, _ table: RotaryTable) {
        inputLayernorm.step(memory)
        selfAttn.step(memory, tiles, past: past, table)
        memory.x.add(memory.change)
        postAttentionLayernorm.step(memory)
        mlp.step(memory)
        memory.x.add(memory.change)
    }
}

/// The feed-forward block: down(silu(gate(x)) · up(x)).
struct MLP: Sendable {
    let gateProj: Linear
    let upProj: Linear
    let downProj: Linear
    /// The matrices of gate and up, and that of down, for a step.
    private let inputs: [Weight]
    private let outputs: [Weight]

    init(_ config: TransformerConfig, in scope: ParameterScope) throws {
        let (width, inner) = (config.hiddenSize, config.intermediateSize)
        let deviation = Float(config.initializerRange)
        gateProj = try Linear(width, inner, in: scope["gate_proj"], deviation: deviation)
        upProj = try Linear(width, inner, in: scope["up_proj"], deviation: deviation)
        downProj = try Linear(
            inner, width, in: scope["down_proj"], deviation: config.residualDeviation)
        inputs = [gateProj.weight, upProj.weight]
        outputs = [downProj.weight]
    }

    func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let gateUp = Linear.apply([gateProj, upProj], to: x, pass)
        return downProj(swiGLU(gate: gateUp[0], up: gateUp[1]), pass, isOnlyUse: true)
    }

    /// Whether `step` computes the same.
    var isPlain: Bool { [gateProj, upProj, downProj].allSatisfy(\.isPlain) }

    /// The same of one row: normed to change.
    func step(_ memory: StepMemory) {
        memory.gateUp.multiply(memory.normed, by: inputs, bytes: memory.bytes)
        memory.gate.swiGLU(gate: memory.gate, up: memory.up)
        memory.change.multiply(memory.gate, by: outputs, bytes: memory.bytes)
    }
}

extension TransformerConfig {
    /// Projections back into the residual stream begin smaller by sqrt(2 · layers), so that the
    /// stream's variance does not grow with depth. Source: Radford et al. 2019, section 2.3.
    var residualDeviation: Float {
        Float(initializerRange) / Float(2 * numHiddenLayers).squareRoot()
    }
}
