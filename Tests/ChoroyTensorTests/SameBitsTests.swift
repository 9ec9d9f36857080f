import ChoroySystem
import ChoroyTensor
import Testing

/// The two promises about bits: any number of threads, and any company.
@Suite(.serialized) struct `Same bits` {
    @Test func `with 1, 2, 3 and 8 threads, values and gradients`() {
        let before = ThreadPool.shared.threadCount
        defer { ThreadPool.shared.setThreadCount(before) }
        ThreadPool.shared.setThreadCount(1)
        let expected = Self.step()
        for threads in [2, 3, 8] {
            ThreadPool.shared.setThreadCount(threads)
            for _ in 0..<3 { #expect(Self.step() == expected, "\(threads) threads") }
        }
    }

    /// Bits of everything that a training step of a small Transformer computes.
    static func step() -> [[UInt32]] {
        let (lengths, width, vocabulary) = ([130, 1, 65, 200], 80, 700)
        let rows = lengths.reduce(0, +)
        let tokens = (0..<rows).map { Int32($0 * 37 % vocabulary) }
        let targets = (0..<rows).map { Int32($0 % 50 == 49 ? -1 : ($0 * 37 + 37) % vocabulary) }
        let shape = AttentionShape(heads: 4, keyValueHeads: 2, headDim: 20)
        let table = RotaryTable(headDim: 20, positions: 200, theta: 10_000)
        let positions = lengths.flatMap { Array(0..<$0) }
        let parameters = [
            Sample(vocabulary, width, seed: 1), Sample(width, seed: 2), Sample(80, width, seed: 3),
            Sample(40, width, seed: 4), Sample(40, width, seed: 5), Sample(width, 80, seed: 6),
            Sample(200, width, seed: 7), Sample(200, width, seed: 8), Sample(width, 200, seed: 9),
        ].map { $0.parameter() }
        var gradients = Gradients(for: parameters)
        let w = parameters.map { $0.value(recording: true) }
        let x = dropout(
            embedding(tokens, w[0]), DropoutKey(probability: 0.1, seed: 1, step: 2, layer: 3))
        let n = rmsNorm(x, w[1], epsilon: 1e-5)
        let attended = attention(
            q: rotary(linear(n, w[2]), positions: positions, table: table),
            k: rotary(linear(n, w[3]), positions: positions, table: table), v: linear(n, w[4]),
            lengths: lengths, shape: shape)
        let y = sum(x, linear(attended, w[5]))
        let z = sum(y, linear(swiGLU(gate: linear(y, w[6]), up: linear(y, w[7])), w[8]))
        let loss = linearCrossEntropy(z, w[0], targets: targets)
        loss.backward(into: &gradients)
        let norm = gradients.norm().bitPattern
        return [bits(z), bits(loss), [UInt32(truncatingIfNeeded: norm), UInt32(norm >> 32)]]
            + parameters.map { bits(gradients.gradient(of: $0)) }
    }

    @Test(arguments: [(1, 1), (65, 33), (100, 129), (64, 1500), (1000, 640)])
    func `for a row alone and among others`(_ outputs: Int, _ depth: Int) {
        expectSameRows(outputs: outputs, depth: depth)
    }

    @Test(arguments: [2, 8, 16, 20, 64])
    func `for queries asked one by one, in chunks and at once`(_ headDim: Int) {
        expectSameQueries(headDim: headDim)
    }

    @Test func `for each row of the operations between`() {
        let (x, gate) = (Sample(513, 70, seed: 1), Sample(513, 70, seed: 2, spread: 5))
        let weight = Sample(70, seed: 3).tensor
        let table = RotaryTable(headDim: 14, positions: 513, theta: 10_000)
        func all(_ range: Range<Int>) -> [Tensor] {
            func part(_ sample: Sample) -> Tensor {
                Tensor(sample.rows[range].joined().map { Float($0) }, shape: [range.count, 70])
            }
            return [
                rmsNorm(part(x), weight, epsilon: 1e-5), swiGLU(gate: part(gate), up: part(x)),
                rotary(part(x), positions: Array(range), table: table), sum(part(x), part(gate)),
            ]
        }
        let whole = all(0..<513)
        for row in [0, 1, 255, 511, 512] {
            for (together, alone) in zip(whole, all(row..<row + 1)) {
                #expect(together.row(row) == alone.values)
            }
        }
    }
}

/// `linear` without recording: the first row alone, and each row among 2, 5, 6, 7 and 512.
func expectSameRows(
    outputs: Int, depth: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
    let x = Sample(512, depth, seed: 1)
    let weight = Sample(outputs, depth, seed: 2).parameter()
    func product(_ range: Range<Int>) -> Tensor {
        let part = x.rows[range].joined().map { Float($0) }
        return linear(Tensor(part, shape: [range.count, depth]), weight.value)
    }
    let whole = product(0..<512)
    for rows in [1, 2, 5, 6, 7, 47, 49] {
        for first in [0, 100, 512 - rows] {
            let part = product(first..<first + rows)
            for row in 0..<rows {
                let same =
                    part.row(row).map(\.bitPattern)
                    == whole.row(first + row).map(\.bitPattern)
                #expect(
                    same, "row \(first + row) among \(rows), [\(outputs), \(depth)]",
                    sourceLocation: sourceLocation)
            }
        }
    }
}

/// Attention over a cache: whatever the pieces in which 200 positions arrive, and without a cache.
func expectSameQueries(
    headDim: Int, cacheType: AttentionShape.CacheType = .float32,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let length = 200
    let shape = AttentionShape(
        heads: 4, keyValueHeads: 2, headDim: headDim, cacheType: cacheType)
    let q = Sample(length, 4 * headDim, seed: 1, spread: 3)
    let k = Sample(length, 2 * headDim, seed: 2, spread: 3)
    let v = Sample(length, 2 * headDim, seed: 3)
    let whole = attention(q: q.tensor, k: k.tensor, v: v.tensor, lengths: [length], shape: shape)
    for chunk in [1, 2, 5, 7, 48, 63, 64, 65, 200] {
        let cache = TensorStorage(count: 2 * 4 * KeyValueTiles.tileSize(shape))
        unsafe cache.pointer.update(repeating: 0, count: cache.count)
        let tiles = (0..<2).map { head in
            unsafe KeyValueTiles(
                (0..<4).map { tile in
                    unsafe cache.pointer + (head * 4 + tile) * KeyValueTiles.tileSize(shape)
                }, shape: shape)
        }
        var found: [UInt32] = []
        for first in stride(from: 0, to: length, by: chunk) {
            let range = first..<min(length, first + chunk)
            func part(_ sample: Sample) -> Tensor {
                Tensor(
                    sample.rows[range].joined().map { Float($0) },
                    shape: [range.count, sample.shape[1]])
            }
            found += bits(
                attention(
                    q: part(q), k: part(k), v: part(v),
                    rows: ContinuedRows(lengths: [range.count], past: [first]),
                    tiles: [[tiles]], layer: 0, shape: shape))
        }
        withExtendedLifetime(cache) {
            #expect(
                found == bits(whole), "chunks of \(chunk), head width \(headDim)",
                sourceLocation: sourceLocation)
        }
    }
}
