internal import ChoroyTensor

/// The rows that a token passes through on its way from the embedding to the head.
///
/// `@unchecked`: written only by the one state that holds it, as it reads a token.
final class StepMemory: @unchecked Sendable {
    /// The residual stream, and what a block adds to it: [D].
    let x, change: Row
    /// What a block reads, and what attention gives: [D], [H · headDim].
    let normed, heads: Row
    /// q, k and v side by side, and parts of them.
    let qkv, qk, q, k, v: Row
    /// gate and up side by side, and each: [M].
    let gateUp, gate, up: Row
    /// Where a row is rounded to bytes.
    let bytes: Row

    init(_ config: TransformerConfig) {
        let (width, inner) = (config.hiddenSize, config.intermediateSize)
        let queries = config.numAttentionHeads * config.headDim
        let keys = config.numKeyValueHeads * config.headDim
        x = Row(count: width)
        change = Row(count: width)
        normed = Row(count: width)
        heads = Row(count: queries)
        qkv = Row(count: queries + 2 * keys)
        qk = qkv.part(0..<queries + keys)
        q = qkv.part(0..<queries)
        k = qkv.part(queries..<queries + keys)
        v = qkv.part(queries + keys..<queries + 2 * keys)
        gateUp = Row(count: 2 * inner)
        gate = gateUp.part(0..<inner)
        up = gateUp.part(inner..<2 * inner)
        bytes = Row.bytes(of: max(width, inner, queries))
    }
}
