import ChoroySystem
import ChoroyTensor
import Testing

/// Values of the operations against the reference in `Double`.
///
/// Tolerances relative to the largest element: 1e-6 for a few roundings an element, 1e-5 for sums over
/// up to 129 elements.
@Suite struct `Operations` {
    @Test(arguments: oddSizes)
    func `linear, recorded or not, is a product`(_ size: Int) {
        expectLinear(rows: 5, outputs: size, depth: 33)
        expectLinear(rows: 3, outputs: 17, depth: size)
        expectLinear(rows: size, outputs: 33, depth: 7)
    }

    @Test func `linear of no rows is empty`() {
        let (x, w) = (Tensor([], shape: [0, 5]), Sample(3, 5, seed: 1))
        #expect(linear(x, w.tensor).shape == [0, 3])
        #expect(linear(x, w.parameter().value(recording: true)).shape == [0, 3])
    }

    @Test(arguments: [0] + oddSizes)
    func `operations on each element agree with the reference`(_ size: Int) {
        expectElementwise(rows: 3, width: size)
        expectElementwise(rows: size, width: 5)
    }

    @Test(arguments: [2, 8, 16, 20, 64])
    func `attention of several sequences is that of each`(_ headDim: Int) {
        expectAttention(lengths: [1, 5, 64, 65, 0, 130], heads: 4, keyValueHeads: 2, headDim)
    }

    @Test(arguments: [(1, 1), (3, 3), (6, 1)])
    func `attention groups heads`(_ heads: Int, _ keyValueHeads: Int) {
        expectAttention(lengths: [70], heads: heads, keyValueHeads: keyValueHeads, 10)
    }

    @Test(arguments: oddSizes)
    func `cross-entropy of a linear map agrees with the reference`(_ size: Int) {
        expectCrossEntropy(rows: size, vocabulary: 33, depth: 8)
        expectCrossEntropy(rows: 4, vocabulary: size, depth: 5)
    }

    /// More than 2²² logits are scored in blocks of rows.
    @Test func `cross-entropy in blocks is the mean of single rows`() {
        let (rows, vocabulary) = (19, 300_000)
        let hidden = Sample(rows, 1, seed: 1).parameter("hidden")
        let weight = Sample(vocabulary, 1, seed: 2, spread: 3).parameter("weight")
        let targets = (0..<rows).map { Int32($0 * 12_345) }
        var together = Gradients(for: [hidden, weight])
        let loss = linearCrossEntropy(
            hidden.value(recording: true), weight.value(recording: true), targets: targets)
        loss.backward(into: &together)
        var alone = Gradients(for: [hidden, weight])
        var sum: Float = 0
        for row in 0..<rows {
            let single = targets.indices.map { $0 == row ? targets[$0] : -1 }
            let loss = linearCrossEntropy(
                hidden.value(recording: true), weight.value(recording: true), targets: single)
            loss.backward(into: &alone, scale: 1 / Float(rows))
            sum += loss.scalar
        }
        #expect(abs(loss.scalar - sum / Float(rows)) <= 1e-5)
        for parameter in [hidden, weight] {
            let expected = alone.gradient(of: parameter).values.map(Double.init)
            #expect(relativeError(together.gradient(of: parameter).values, expected) <= 1e-4)
        }
    }

    @Test(arguments: [1, 15, 16, 17, 31, 33, 65, 129], [1, 7, 33, 65])
    func `matrix products of any shape, either side transposed`(_ m: Int, _ n: Int) {
        for k in [0, 1, 17, 64, 129] { expectMatrixProduct(m: m, n: n, k: k) }
    }

    /// Large enough to be cut in rows and columns, with ragged edges.
    @Test func `matrix products in tiles`() {
        expectMatrixProduct(m: 530, n: 97, k: 83)
        expectMatrixProduct(m: 37, n: 2_200, k: 61)
    }
}

func expectLinear(
    rows: Int, outputs: Int, depth: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
    let (x, w) = (Sample(rows, depth, seed: 1), Sample(outputs, depth, seed: 2))
    let expected = Reference.linear(x.rows, w.rows)
    let shape = "\(rows) × \(outputs) × \(depth)"
    let parameter = w.parameter()
    let plain = relativeError(linear(x.tensor, parameter.value), expected)
    #expect(plain <= 1e-5, "not recorded, \(shape)", sourceLocation: sourceLocation)
    let recorded = relativeError(linear(x.tensor, parameter.value(recording: true)), expected)
    #expect(recorded <= 1e-5, "recorded, \(shape)", sourceLocation: sourceLocation)
    let packed = relativeError(PackedMatrix(w.tensor).multiply(x.tensor), expected)
    #expect(packed <= 1e-5, "packed, \(shape)", sourceLocation: sourceLocation)
}

func expectElementwise(
    rows: Int, width: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
    let (a, b) = (Sample(rows, width, seed: 1, spread: 4), Sample(rows, width, seed: 2))
    let weight = Sample(width, seed: 3)
    var errors: [String: Double] = [:]
    errors["sum"] = relativeError(
        sum(a.tensor, b.tensor), zip(a.rows, b.rows).map { zip($0, $1).map { $0 + $1 } })
    errors["swiGLU"] = relativeError(
        swiGLU(gate: a.tensor, up: b.tensor), Reference.swiGLU(gate: a.rows, up: b.rows))
    if width > 0 {
        errors["rmsNorm"] = relativeError(
            rmsNorm(a.tensor, weight.tensor, epsilon: 1e-5),
            Reference.rmsNorm(a.rows, weight.rows[0], epsilon: 1e-5))
    }
    if rows > 0 {
        let tokens = (0..<2 * rows).map { Int32($0 * 7 % rows) }
        errors["embedding"] = relativeError(
            embedding(tokens, a.tensor), Reference.embedding(tokens, a.rows))
    }
    // Angles up to 130 radians are rounded to Float, as Hugging Face does: 130 · 2⁻²⁴ = 8e-6.
    let c = Sample(rows, 3 * 2 * width, seed: 4)
    if width > 0 {
        let positions = (0..<rows).map { ($0 * 5) % 131 }
        errors["rotary"] = relativeError(
            rotary(
                c.tensor, positions: positions,
                table: RotaryTable(headDim: 2 * width, positions: 131, theta: 10_000)),
            Reference.rotary(c.rows, positions: positions, headDim: 2 * width, theta: 10_000))
    }
    for (name, error) in errors.sorted(by: { $0.key < $1.key }) {
        #expect(
            error <= (name == "rotary" ? 2e-5 : 1e-6), "\(name), \(rows) × \(width)",
            sourceLocation: sourceLocation)
    }
}

func expectAttention(
    lengths: [Int], heads: Int, keyValueHeads: Int, _ headDim: Int,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let rows = lengths.reduce(0, +)
    let q = Sample(rows, heads * headDim, seed: 1, spread: 3)
    let k = Sample(rows, keyValueHeads * headDim, seed: 2, spread: 3)
    let v = Sample(rows, keyValueHeads * headDim, seed: 3)
    let shape = AttentionShape(heads: heads, keyValueHeads: keyValueHeads, headDim: headDim)
    let y = attention(q: q.tensor, k: k.tensor, v: v.tensor, lengths: lengths, shape: shape)
    let expected = eachSequence(lengths, q.rows, k.rows, v.rows) {
        Reference.attention(
            q: $0, k: $1, v: $2, heads: heads, keyValueHeads: keyValueHeads, headDim: headDim)
    }
    #expect(relativeError(y, expected) <= 1e-5, sourceLocation: sourceLocation)
}

/// Calls `attend` with the rows of each sequence and joins what it gives.
func eachSequence(
    _ lengths: [Int], _ q: [[Double]], _ k: [[Double]], _ v: [[Double]],
    _ attend: ([[Double]], [[Double]], [[Double]]) -> [[Double]]
) -> [[Double]] {
    var start = 0
    return lengths.flatMap { length -> [[Double]] in
        defer { start += length }
        let range = start..<start + length
        return attend(Array(q[range]), Array(k[range]), Array(v[range]))
    }
}

func expectCrossEntropy(
    rows: Int, vocabulary: Int, depth: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
    let (x, w) = (Sample(rows, depth, seed: 1, spread: 2), Sample(vocabulary, depth, seed: 2))
    // Every third row does not count.
    let targets = (0..<rows).map { Int32($0 % 3 == 1 ? -1 : $0 * 5 % vocabulary) }
    let expected = Reference.crossEntropy(Reference.linear(x.rows, w.rows), targets: targets)
    let plain = linearCrossEntropy(x.tensor, w.tensor, targets: targets)
    let recorded = linearCrossEntropy(
        x.tensor, w.parameter().value(recording: true), targets: targets)
    for loss in [plain, recorded] {
        #expect(
            abs(Double(loss.scalar) - expected) <= 1e-5, "\(rows) × \(vocabulary)",
            sourceLocation: sourceLocation)
    }
}

func expectMatrixProduct(
    m: Int, n: Int, k: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
    let (a, b, c) = (Sample(m, k, seed: 1), Sample(k, n, seed: 2), Sample(m, n, seed: 3))
    let product = a.rows.map { row in
        k == 0 ? [Double](repeating: 0, count: n) : Reference.multiply(row, b.rows)
    }
    let turnedA = Tensor((0..<k).flatMap { i in a.rows.map { Float($0[i]) } }, shape: [k, m])
    let turnedB = Tensor((0..<n).flatMap { j in b.rows.map { Float($0[j]) } }, shape: [n, k])
    let (plainA, plainB) = (a.tensor, b.tensor)
    for accumulates in [false, true] {
        let expected = product.indices.map { i in
            product[i].indices.map { j in product[i][j] + (accumulates ? c.rows[i][j] : 0) }
        }
        for (turnsA, turnsB) in [(false, false), (false, true), (true, false), (true, true)] {
            let y = unsafe Tensor(shape: [m, n]) { y in
                guard let y = y.baseAddress else { return }
                unsafe y.update(from: c.floats, count: m * n)
                unsafe MatrixProduct.multiply(
                    turnsA ? .transposed(turnedA.pointer) : .plain(plainA.pointer),
                    turnsB ? .transposed(turnedB.pointer) : .plain(plainB.pointer), into: y, m: m,
                    n: n, k: k, accumulate: accumulates)
            }
            #expect(
                relativeError(y, expected) <= 1e-5,
                "\(m) × \(n) × \(k), transposed \(turnsA) \(turnsB), accumulate \(accumulates)",
                sourceLocation: sourceLocation)
        }
    }
}
