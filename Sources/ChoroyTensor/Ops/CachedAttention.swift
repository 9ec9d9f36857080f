internal import ChoroySystem

/// Where the new rows of a pass belong: to which sequences, and at which of their positions.
package struct ContinuedRows: Sendable {
    /// New rows of each sequence; the rows of a pass are the sequences one after another.
    package let lengths: [Int]
    /// Rows that each sequence has seen before.
    package let past: [Int]
    /// The first row of each sequence.
    let starts: [Int]
    let count: Int
    /// The longest sequence, new rows included.
    let longest: Int
    /// Queries in pieces of 48, so that one long prompt keeps all threads busy.
    let pieces: [(sequence: Int, first: Int)]

    /// - Precondition: as many lengths as sequences.
    package init(lengths: [Int], past: [Int]) {
        precondition(lengths.count == past.count, "ContinuedRows: \(lengths), \(past)")
        self.lengths = lengths
        self.past = past
        starts = lengths.indices.map { lengths[..<$0].reduce(0, +) }
        count = lengths.reduce(0, +)
        longest = zip(past, lengths).reduce(0) { max($0, $1.0 + $1.1) }
        pieces = lengths.indices.flatMap { s in
            stride(from: 0, to: lengths[s], by: 48).map { (sequence: s, first: $0) }
        }
    }
}

/// Causal attention of new rows over all that their sequences have seen, new rows included.
///
/// q: [N, H · headDim], k and v: [N, KV · headDim]. `tiles[s][layer][g]` holds the keys and values of
/// sequence s and key-value head g for the positions before the new ones, which are written behind.
/// Never recorded.
package func attention(
    q: Tensor, k: Tensor, v: Tensor, rows: ContinuedRows, tiles: [[[KeyValueTiles]]],
    layer: Int, shape: AttentionShape
) -> Tensor {
    let (queryWidth, width) = (q.width, k.width)
    precondition(
        queryWidth == shape.heads * shape.headDim && width == shape.keyValueHeads * shape.headDim
            && k.shape == v.shape && k.rows == q.rows && rows.count == q.rows
            && tiles.count == rows.lengths.count,
        "attention: q \(q.shape), k \(k.shape), v \(v.shape), lengths \(rows.lengths), \(shape)")
    let isSmall = q.count * rows.longest < 50_000
    func run(_ count: Int, _ body: (Int) -> Void) {
        if isSmall {
            for piece in 0..<count { body(piece) }
        } else {
            ThreadPool.shared.run(count, body)
        }
    }
    run(rows.lengths.count * shape.keyValueHeads) { piece in
        let (s, group) = (piece / shape.keyValueHeads, piece % shape.keyValueHeads)
        let source = rows.starts[s] * width + group * shape.headDim
        unsafe tiles[s][layer][group].write(
            keys: k.pointer + source, values: v.pointer + source, stride: width,
            at: rows.past[s], count: rows.lengths[s])
    }
    return unsafe Tensor(shape: q.shape) { y in
        guard let y = y.baseAddress else { return }
        run(rows.pieces.count * shape.heads) { piece in
            let (s, first) = rows.pieces[piece / shape.heads]
            let head = piece % shape.heads
            let offset = (rows.starts[s] + first) * queryWidth + head * shape.headDim
            unsafe tiles[s][layer][head / (shape.heads / shape.keyValueHeads)].attend(
                q.pointer + offset, stride: queryWidth, rows: min(48, rows.lengths[s] - first),
                past: rows.past[s] + first, into: y + offset, stride: queryWidth)
        }
    }
}
