import ChoroyTensor
import Testing

/// Attention over keys and values in bytes.
@Suite struct `Attention over bytes` {
    @Test(arguments: [2, 16, 20, 32, 64, 128, 512])
    func `is that of the numbers which the bytes stand for`(_ headDim: Int) {
        expectByteAttention(lengths: [1, 5, 64, 65, 0, 130], heads: 4, keyValueHeads: 2, headDim)
    }

    @Test(arguments: [(1, 1), (4, 4), (6, 2), (3, 1)])
    func `groups heads`(_ heads: Int, _ keyValueHeads: Int) {
        expectByteAttention(lengths: [70], heads: heads, keyValueHeads: keyValueHeads, 32)
    }

    @Test func `keeps the many small weights beside a large one`() {
        // One key takes nearly all the weight; the 99 others share 1 % of it and agree on a value.
        let (length, headDim) = (100, 16)
        var k = Sample(length, headDim, seed: 1)
        var v = Sample(length, headDim, seed: 2)
        for j in 0..<length {
            for c in 0..<headDim {
                k.rows[j][c] = j == 0 && c == 0 ? 36.8 : 0
                v.rows[j][c] = j == 0 ? 0 : 127
            }
        }
        var q = k
        for j in 0..<length { q.rows[j] = (0..<headDim).map { $0 == 0 ? 1 : 0 } }
        let shape = AttentionShape(
            heads: 1, keyValueHeads: 1, headDim: headDim, cacheType: .int8)
        let y = attention(q: q.tensor, k: k.tensor, v: v.tensor, lengths: [length], shape: shape)
        let expected = Reference.attention(
            q: q.rows, k: k.rows, v: v.rows, heads: 1, keyValueHeads: 1, headDim: headDim)
        #expect(expected[length - 1][3] > 1)
        #expect(relativeError(y.matrix[length - 1].map(Float.init), expected[length - 1]) < 0.002)
    }

    @Test(arguments: [Float.nan, .infinity])
    func `what is no number reaches those who see it and no others`(_ value: Float) {
        let (length, headDim) = (80, 20)
        let shape = AttentionShape(
            heads: 1, keyValueHeads: 1, headDim: headDim, cacheType: .int8)
        let sample = Sample(length, headDim, seed: 1)
        for place in ["q", "k", "v"] {
            func tensor(_ name: String) -> Tensor {
                var values = sample.floats
                if name == place { values[40 * headDim + 3] = value }
                return Tensor(values, shape: [length, headDim])
            }
            let y = attention(
                q: tensor("q"), k: tensor("k"), v: tensor("v"), lengths: [length], shape: shape)
            let finite = y.matrix.map { $0.allSatisfy(\.isFinite) }
            #expect(finite[..<40].allSatisfy { $0 }, "\(place)")
            #expect(!finite[40], "\(place)")
            #expect(finite[41...].allSatisfy { $0 == (place == "q") }, "\(place)")
        }
    }

    @Test func `a position that is written again forgets what stood there`() {
        let (length, headDim) = (70, 32)
        let shape = AttentionShape(
            heads: 1, keyValueHeads: 1, headDim: headDim, cacheType: .int8)
        let x = Sample(length, headDim, seed: 1).tensor
        let bad = Tensor(
            [Float](repeating: .nan, count: length * headDim), shape: [length, headDim])
        let cache = TensorStorage(count: 2 * KeyValueTiles.tileSize(shape))
        unsafe cache.pointer.update(repeating: 0, count: cache.count)
        let tiles = unsafe KeyValueTiles(
            [cache.pointer, cache.pointer + KeyValueTiles.tileSize(shape)], shape: shape)
        func read(_ x: Tensor) -> Tensor {
            attention(
                q: x, k: x, v: x, rows: ContinuedRows(lengths: [x.rows], past: [0]),
                tiles: [[[tiles]]], layer: 0, shape: shape)
        }
        withExtendedLifetime(cache) {
            let first = read(x)
            let isFinite = first.values.allSatisfy { $0.isFinite }
            #expect(isFinite)
            _ = read(bad)
            // Behind these ten there still is what is no number.
            let ten = Array(0..<10)
            #expect(bits(read(rows(ten, of: x))) == bits(rows(ten, of: first)))
            #expect(bits(read(x)) == bits(first))
        }
    }
}

/// Against the reference over keys and values as their bytes have them, each row of a head with its own scale.
func expectByteAttention(
    lengths: [Int], heads: Int, keyValueHeads: Int, _ headDim: Int,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let rows = lengths.reduce(0, +)
    let q = Sample(rows, heads * headDim, seed: 1, spread: 2)
    let k = Sample(rows, keyValueHeads * headDim, seed: 2, spread: 2)
    let v = Sample(rows, keyValueHeads * headDim, seed: 3, spread: 5)
    let shape = AttentionShape(
        heads: heads, keyValueHeads: keyValueHeads, headDim: headDim, cacheType: .int8)
    let y = attention(q: q.tensor, k: k.tensor, v: v.tensor, lengths: lengths, shape: shape)
    func rounded(_ sample: Sample) -> [[Double]] {
        sample.rows.map { row in
            stride(from: 0, to: row.count, by: headDim).flatMap { first in
                let (scale, q) = Reference.int8(row[first..<first + headDim])
                return q.map { Double($0) * scale }
            }
        }
    }
    let (keys, values) = (rounded(k), rounded(v))
    var expected: [[Double]] = []
    for length in lengths {
        let range = expected.count..<expected.count + length
        expected += Reference.attention(
            q: Array(q.rows[range]), k: Array(keys[range]), v: Array(values[range]), heads: heads,
            keyValueHeads: keyValueHeads, headDim: headDim)
    }
    let error = relativeError(y, expected)
    #expect(
        error < 1e-3, "lengths \(lengths), \(heads) heads of \(headDim): \(error)",
        sourceLocation: sourceLocation)
}
