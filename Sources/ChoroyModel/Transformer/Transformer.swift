public import ChoroyTensor
public import ChoroyText

/// A decoder-only Transformer of the Llama family.
///
/// Parameters carry the names of Hugging Face's checkpoints, so its files open there unchanged.
/// Source: Touvron et al. 2023, https://arxiv.org/abs/2302.13971
public struct Transformer: LanguageModel, Sendable {
    public let config: TransformerConfig
    /// All parameters in floats, in the order of the checkpoint.
    public let parameters: [Parameter]
    /// The matrices in bytes, by name; none in a model in floats.
    public let matrices: [(name: String, matrix: Int8Matrix)]
    /// All matrices by name, as the source gave them.
    public let weights: [String: Weight]
    let embedTokens: Weight
    let layers: [DecoderLayer]
    let norm: RMSNorm
    /// The output matrix [V, D]; the embedding itself when the two are tied.
    public let lmHead: Weight
    private let table: RotaryTable
    private let attentionShape: AttentionShape
    /// Whether every map is a product with a matrix, so that `step` computes the same as `hidden`.
    private let isPlain: Bool

    /// Builds the model from `source`: new from a seed, or loaded by name.
    ///
    /// - Throws: `FileError` when the sizes are impossible or a tensor is missing or misshapen.
    public init(_ config: TransformerConfig, from source: ParameterSource) throws {
        try config.validate()
        self.config = config
        let scope = ParameterScope(source)
        let model = scope["model"]
        let deviation = InitialValue.normal(standardDeviation: Float(config.initializerRange))
        let shape = [config.vocabSize, config.hiddenSize]
        embedTokens = try model["embed_tokens"].weight(
            "weight", shape: shape, initial: deviation)
        // A model that is bytes, for speed and memory, keeps what it remembers in bytes too.
        let isInt8 = embedTokens.isInt8 && config.headDim <= AttentionShape.largestByteHead
        let heads = AttentionShape(
            heads: config.numAttentionHeads, keyValueHeads: config.numKeyValueHeads,
            headDim: config.headDim, cacheType: isInt8 ? .int8 : .float32)
        attentionShape = heads
        layers = try (0..<config.numHiddenLayers).map {
            try DecoderLayer(config, heads, layer: $0, in: model["layers"]["\($0)"])
        }
        norm = try RMSNorm(
            config.hiddenSize, epsilon: Float(config.rmsNormEps), in: model["norm"])
        lmHead =
            config.tieWordEmbeddings
            ? embedTokens
            : try scope["lm_head"].weight("weight", shape: shape, initial: deviation)
        table = RotaryTable(
            headDim: config.headDim, positions: config.maxPositionEmbeddings,
            theta: Float(config.ropeTheta))
        isPlain =
            layers.allSatisfy(\.isPlain) && embedTokens.replacement == nil
            && lmHead.replacement == nil
        parameters = source.parameters
        matrices = source.matrices
        weights = source.weights
    }

    public var vocabularySize: Int { config.vocabSize }

    /// tokens [N] to the normalized states [N, D] that the head multiplies.
    public func hidden(_ tokens: [TokenID], _ pass: ForwardPass) -> Tensor {
        var x = embedding(tokens, embedTokens, recording: pass.recordsGradient)
        x = dropout(x, pass.dropoutKey(layer: 0, place: 0))
        for layer in layers {
            x =
                pass.recomputesLayers
                ? recomputed(x) { layer($0, pass, table) } : layer(x, pass, table)
        }
        return norm(x, pass)
    }

    public func initialState() -> KeyValueCache {
        KeyValueCache(
            layers: config.numHiddenLayers, shape: attentionShape)
    }

    /// - Precondition: no sequence grows beyond `config.maxPositionEmbeddings`; tokens are below V.
    public func logits(
        _ tokens: [[TokenID]], states: inout [KeyValueCache], at positions: Positions
    ) -> Tensor {
        let lengths = tokens.map(\.count)
        precondition(
            tokens.count == states.count && lengths.allSatisfy { $0 > 0 },
            "logits: \(lengths) tokens for \(states.count) states")
        if isPlain, lengths == [1] { return step(tokens[0][0], &states[0]) }
        for (index, length) in lengths.enumerated() { states[index].reserve(length) }
        let pass = ForwardPass.continuing(&states, lengths: lengths)
        var x = hidden(tokens.flatMap { $0 }, pass)
        if positions == .last {
            var end = 0
            let last = lengths.map { length in
                end += length
                return end - 1
            }
            x = rows(last, of: x)
        }
        for (index, length) in lengths.enumerated() { states[index].advance(by: length) }
        return linear(x, lmHead, recording: false)
    }

    /// The same for one token of one sequence, as generation reads them: logits [1, V].
    private func step(_ token: TokenID, _ state: inout KeyValueCache) -> Tensor {
        let past = state.count
        state.reserve(1)
        let memory = state.stepMemory(config)
        let tiles = state.allTiles()
        memory.x.look(up: token, in: embedTokens)
        for (index, layer) in layers.enumerated() {
            layer.step(memory, tiles[index], past: past, table)
        }
        norm.step(memory)
        state.advance(by: 1)
        let logits = Row(count: vocabularySize)
        logits.multiply(memory.normed, by: [lmHead], bytes: memory.bytes)
        return logits.tensor
    }
}
