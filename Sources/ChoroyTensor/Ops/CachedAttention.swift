internal import ChoroySystem

/// Causal attention of new rows over all that their sequences have seen, new rows included.
///
/// q: [N, H · headDim], k and v: [N, KV · headDim]: the new rows of each sequence, one sequence after
/// another, `lengths[s]` rows each. `tiles[s][g]` holds the keys and values of sequence s and
/// key-value head g for positions 0..<past[s]; the new ones are written behind. Never recorded.
package func attention(
    q: Tensor, k: Tensor, v: Tensor, lengths: [Int], past: [Int], tiles: [[KeyValueTiles]],
    shape: AttentionShape
) -> Tensor {
    precondition(
        q.width == shape.heads * shape.headDim && k.width == shape.keyValueHeads * shape.headDim
            && k.shape == v.shape && k.rows == q.rows && lengths.reduce(0, +) == q.rows
            && past.count == lengths.count && tiles.count == lengths.count,
        "attention: q \(q.shape), k \(k.shape), v \(v.shape), lengths \(lengths), \(shape)")
    let starts = lengths.indices.map { lengths[..<$0].reduce(0, +) }
    let small = q.count * ((past.max() ?? 0) + (lengths.max() ?? 0)) < 50_000
    func run(_ count: Int, _ body: (Int) -> Void) {
        if small { (0..<count).forEach(body) } else { ThreadPool.shared.run(count, body) }
    }
    run(lengths.count * shape.keyValueHeads) { piece in
        let (s, group) = (piece / shape.keyValueHeads, piece % shape.keyValueHeads)
        let source = starts[s] * k.width + group * shape.headDim
        unsafe tiles[s][group].write(
            keys: k.pointer + source, values: v.pointer + source, stride: k.width, at: past[s],
            count: lengths[s])
    }
    // Queries in pieces of 48, so that one long prompt keeps all threads busy.
    let pieces = lengths.indices.flatMap { s in
        stride(from: 0, to: lengths[s], by: 48).map { (sequence: s, first: $0) }
    }
    return unsafe Tensor(shape: q.shape) { y in
        guard let y = y.baseAddress else { return }
        run(pieces.count * shape.heads) { piece in
            let (s, first) = pieces[piece / shape.heads]
            let head = piece % shape.heads
            let offset = (starts[s] + first) * q.width + head * shape.headDim
            unsafe tiles[s][head / (shape.heads / shape.keyValueHeads)].attend(
                q.pointer + offset, stride: q.width, rows: min(48, lengths[s] - first),
                past: past[s] + first, into: y + offset, stride: q.width)
        }
    }
}
