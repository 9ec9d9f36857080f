import ChoroyTensor
import Testing

/// Gradients against central differences of the reference, for every operation and input.
@Suite struct `Gradients of operations` {
    @Test(arguments: GradientCase.all)
    func `gradients equal finite differences`(_ name: GradientCase) { name.check() }
}

/// An operation, or several joined, whose gradients are checked.
enum GradientCase: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case linear, rmsNorm, swiGLU, rotary, embedding, sum, dropout, crossEntropy
    case attentionOfManyLengths, attentionOfManyShapes, sharedParameter, decoderLayer

    static let all = allCases
    var testDescription: String { rawValue }

    func check() {
        switch self {
        case .linear: checkLinear()
        case .rmsNorm: checkRMSNorm()
        case .swiGLU: checkSwiGLU()
        case .rotary: checkRotary()
        case .embedding: checkEmbedding()
        case .sum: checkSum()
        case .dropout: checkDropout()
        case .crossEntropy: checkCrossEntropy()
        case .attentionOfManyLengths:
            checkAttention(lengths: [1, 5, 64, 65], heads: 2, keyValueHeads: 1, headDim: 8)
            checkAttention(lengths: [130], heads: 2, keyValueHeads: 2, headDim: 16)
        case .attentionOfManyShapes:
            for headDim in [2, 8, 16, 20, 64] {
                checkAttention(lengths: [3, 70], heads: 4, keyValueHeads: 2, headDim: headDim)
            }
        case .sharedParameter: checkSharedParameter()
        case .decoderLayer: checkDecoderLayer()
        }
    }
}

private func checkLinear() {
    for (rows, outputs, depth) in [(1, 1, 1), (3, 7, 5), (17, 33, 15), (33, 65, 64)] {
        expectGradients(
            of: { weightedSum(linear($0[0], $0[1])) },
            equalDifferencesOf: { weightedSum(Reference.linear($0[0], $0[1])) },
            at: [Sample(rows, depth, seed: 1), Sample(outputs, depth, seed: 2)])
    }
}

private func checkRMSNorm() {
    // 530 rows: weight gradients are summed in 32 pieces, the last of which has no rows left.
    for (rows, width) in [(1, 1), (3, 7), (3, 16), (17, 33), (40, 129), (530, 3)] {
        expectGradients(
            of: { weightedSum(rmsNorm($0[0], $0[1], epsilon: 0.1)) },
            equalDifferencesOf: {
                weightedSum(Reference.rmsNorm($0[0], $0[1][0], epsilon: 0.1))
            },
            at: [Sample(rows, width, seed: 1), Sample(width, seed: 2)])
    }
}

private func checkSwiGLU() {
    for width in [1, 15, 16, 17, 65] {
        expectGradients(
            of: { weightedSum(swiGLU(gate: $0[0], up: $0[1])) },
            equalDifferencesOf: { weightedSum(Reference.swiGLU(gate: $0[0], up: $0[1])) },
            at: [Sample(3, width, seed: 1, spread: 6), Sample(3, width, seed: 2)])
    }
}

private func checkRotary() {
    for headDim in [2, 8, 20, 34] {
        let table = RotaryTable(headDim: headDim, positions: 20, theta: 100)
        let positions = [0, 1, 19, 7]
        expectGradients(
            of: { weightedSum(rotary($0[0], positions: positions, table: table)) },
            equalDifferencesOf: {
                weightedSum(
                    Reference.rotary($0[0], positions: positions, headDim: headDim, theta: 100))
            },
            at: [Sample(4, 3 * headDim, seed: 1)])
    }
}

private func checkEmbedding() {
    for width in [1, 17, 65] {
        let tokens: [Int32] = [4, 0, 4, 4, 2, 0]
        expectGradients(
            of: { weightedSum(embedding(tokens, $0[0])) },
            equalDifferencesOf: { weightedSum(Reference.embedding(tokens, $0[0])) },
            at: [Sample(5, width, seed: 1)])
        // A table that is itself computed.
        expectGradients(
            of: { weightedSum(embedding(tokens, sum($0[0], $0[1]))) },
            equalDifferencesOf: { weightedSum(Reference.embedding(tokens, added($0[0], $0[1]))) },
            at: [Sample(5, width, seed: 1), Sample(5, width, seed: 2)], "computed table")
    }
}

private func checkSum() {
    for width in [1, 17, 129] {
        expectGradients(
            of: { weightedSum(sum(sum($0[0], $0[1]), $0[0])) },
            equalDifferencesOf: { weightedSum(added(added($0[0], $0[1]), $0[0])) },
            at: [Sample(3, width, seed: 1), Sample(3, width, seed: 2)])
    }
}

private func checkDropout() {
    let key = DropoutKey(probability: 0.4, seed: 5, step: 3, layer: 2)
    let mask = dropout(Tensor([Float](repeating: 1, count: 3 * 17), shape: [3, 17]), key).matrix
    expectGradients(
        of: { weightedSum(dropout($0[0], key)) },
        equalDifferencesOf: { x in
            weightedSum(x[0].indices.map { r in zip(x[0][r], mask[r]).map { $0 * $1 } })
        },
        at: [Sample(3, 17, seed: 1)])
}

private func checkCrossEntropy() {
    for (rows, vocabulary, depth) in [(1, 1, 1), (1, 7, 3), (6, 33, 17), (40, 65, 8)] {
        let targets = (0..<rows).map { Int32($0 % 3 == 1 ? -1 : $0 * 5 % vocabulary) }
        expectGradients(
            of: { linearCrossEntropy($0[0], $0[1], targets: targets) },
            equalDifferencesOf: {
                Reference.crossEntropy(Reference.linear($0[0], $0[1]), targets: targets)
            },
            at: [Sample(rows, depth, seed: 1, spread: 2), Sample(vocabulary, depth, seed: 2)])
    }
}

private func checkAttention(lengths: [Int], heads: Int, keyValueHeads: Int, headDim: Int) {
    let rows = lengths.reduce(0, +)
    let shape = AttentionShape(heads: heads, keyValueHeads: keyValueHeads, headDim: headDim)
    expectGradients(
        of: {
            weightedSum(attention(q: $0[0], k: $0[1], v: $0[2], lengths: lengths, shape: shape))
        },
        equalDifferencesOf: {
            weightedSum(
                eachSequence(lengths, $0[0], $0[1], $0[2]) {
                    Reference.attention(
                        q: $0, k: $1, v: $2, heads: heads, keyValueHeads: keyValueHeads,
                        headDim: headDim)
                })
        },
        at: [
            Sample(rows, heads * headDim, seed: 1, spread: 2),
            Sample(rows, keyValueHeads * headDim, seed: 2, spread: 2),
            Sample(rows, keyValueHeads * headDim, seed: 3),
        ], "head width \(headDim)")
}

/// An embedding that is also the output layer, with a residual sum between.
private func checkSharedParameter() {
    let tokens: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]
    let targets: [Int32] = [1, 4, 1, 5, 9, 2, 6, -1]
    expectGradients(
        of: { inputs in
            let x = embedding(tokens, inputs[0])
            let y = sum(x, linear(x, inputs[1]))
            return linearCrossEntropy(y, inputs[0], targets: targets)
        },
        equalDifferencesOf: { inputs in
            let x = Reference.embedding(tokens, inputs[0])
            let y = added(x, Reference.linear(x, inputs[1]))
            return Reference.crossEntropy(Reference.linear(y, inputs[0]), targets: targets)
        },
        at: [Sample(10, 7, seed: 1), Sample(7, 7, seed: 2)])
}

/// Everything joined as in a Transformer: two sequences, grouped heads, a tied output layer.
private func checkDecoderLayer() {
    let layer = DecoderLayerCase()
    expectGradients(
        of: layer.loss, equalDifferencesOf: layer.reference,
        at: [
            Sample(13, 8, seed: 1), Sample(8, seed: 2), Sample(16, 8, seed: 3),
            Sample(8, 8, seed: 4), Sample(8, 8, seed: 5), Sample(8, 16, seed: 6),
            Sample(8, 8, seed: 7), Sample(8, 8, seed: 8),
        ])
}

private struct DecoderLayerCase {
    let lengths = [4, 7]
    let tokens: [Int32] = [0, 7, 1, 8, 2, 9, 3, 10, 4, 11, 0]
    let targets: [Int32] = [1, 6, 11, -1, 8, 0, 5, 10, 2, 7, 12]
    var positions: [Int] { lengths.flatMap { Array(0..<$0) } }

    func loss(_ w: [Tensor]) -> Tensor {
        let shape = AttentionShape(heads: 4, keyValueHeads: 2, headDim: 4)
        let table = RotaryTable(headDim: 4, positions: 8, theta: 100)
        let x = embedding(tokens, w[0])
        let n = rmsNorm(x, w[1], epsilon: 0.01)
        let q = rotary(linear(n, w[2]), positions: positions, table: table)
        let k = rotary(linear(n, w[3]), positions: positions, table: table)
        let v = linear(n, w[4])
        let y = sum(x, linear(attention(q: q, k: k, v: v, lengths: lengths, shape: shape), w[5]))
        let z = sum(y, swiGLU(gate: linear(y, w[6]), up: linear(y, w[7])))
        return linearCrossEntropy(z, w[0], targets: targets)
    }

    func reference(_ w: [[[Double]]]) -> Double {
        let x = Reference.embedding(tokens, w[0])
        let n = Reference.rmsNorm(x, w[1][0], epsilon: 0.01)
        func turned(_ x: [[Double]]) -> [[Double]] {
            Reference.rotary(x, positions: positions, headDim: 4, theta: 100)
        }
        let q = turned(Reference.linear(n, w[2]))
        let k = turned(Reference.linear(n, w[3]))
        let attended = eachSequence(lengths, q, k, Reference.linear(n, w[4])) {
            Reference.attention(q: $0, k: $1, v: $2, heads: 4, keyValueHeads: 2, headDim: 4)
        }
        let y = added(x, Reference.linear(attended, w[5]))
        let gate = Reference.linear(y, w[6])
        let up = Reference.linear(y, w[7])
        let z = added(y, Reference.swiGLU(gate: gate, up: up))
        return Reference.crossEntropy(Reference.linear(z, w[0]), targets: targets)
    }
}

private func added(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
    zip(a, b).map { zip($0, $1).map { $0 + $1 } }
}
