import ChoroyTensor
import Testing

/// Examples that a reader can check by hand.
@Suite struct `Reference formulas` {
    @Test func `a row times a matrix`() {
        #expect(Reference.multiply([1.0, 2], [[3, 4, 5], [6, 7, 8]]) == [15, 18, 21])
        #expect(Reference.linear([[1.0, 2]], [[3, 6], [4, 7], [5, 8]]) == [[15, 18, 21]])
    }

    @Test func `normalization divides by the root of the mean square`() {
        // mean(4, 4) = 4
        #expect(Reference.rmsNorm([[2.0, -2]], [1, 10], epsilon: 0) == [[1, -10]])
    }

    @Test func `the gate is zero at zero and open far above`() {
        #expect(Reference.swiGLU(gate: [[0.0, 100]], up: [[5, 2]]) == [[0, 200]])
    }

    @Test func `position 0 is not turned, and position 1 turns the first pair by one radian`() {
        let x = [[1.0, 0, 0, 0], [1, 0, 0, 0]]
        let y = Reference.rotary(x, positions: [0, 1], headDim: 4, theta: 100)
        #expect(y[0] == x[0])
        #expect(abs(y[1][0] - 0.5403) < 1e-4 && abs(y[1][2] - 0.8415) < 1e-4)
        #expect(y[1][1] == 0 && y[1][3] == 0)
    }

    @Test func `the second pair turns more slowly`() {
        // theta^(−2/4) = 100^(−1/2) = 0.1 radians a position: ten positions are one radian.
        let y = Reference.rotary([[0, 1.0, 0, 0]], positions: [10], headDim: 4, theta: 100)
        #expect(abs(y[0][1] - 0.5403) < 1e-4 && abs(y[0][3] - 0.8415) < 1e-4)
    }

    @Test func `attention with equal keys is the mean of the values seen so far`() {
        let y = Reference.attention(
            q: [[1.0], [1], [1]], k: [[0.0], [0], [0]], v: [[3.0], [5], [10]], heads: 1,
            keyValueHeads: 1, headDim: 1)
        #expect(y == [[3], [4], [6]])
    }

    @Test func `later queries see what came before them`() {
        let (q, k, v) = (Sample(5, 8, seed: 1), Sample(5, 4, seed: 2), Sample(5, 4, seed: 3))
        let whole = Reference.attention(
            q: q.rows, k: k.rows, v: v.rows, heads: 4, keyValueHeads: 2, headDim: 2)
        let last = Reference.attention(
            q: [q.rows[4]], k: k.rows, v: v.rows, heads: 4, keyValueHeads: 2, headDim: 2)
        #expect(last == [whole[4]])
    }

    @Test func `a uniform guess among four costs log 4 nats`() {
        let loss = Reference.crossEntropy([[1.0, 1, 1, 1], [9, 0, 0, 0]], targets: [2, -1])
        #expect(abs(loss - 1.386294) < 1e-6)
    }

    @Test func `the first step of AdamW is the rate, against the gradient, after decay`() {
        var (w, m, v) = (2.0, 0.0, 0.0)
        Reference.adamW(
            &w, gradient: -7, m: &m, v: &v, rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 0,
            decay: 0.5, step: 1)
        #expect(abs(w - (2 * 0.95 + 0.1)) < 1e-12)
    }

    @Test func `Float and Double differ by rounding only`() {
        let (q, k, v) = (Sample(9, 8, seed: 1), Sample(9, 4, seed: 2), Sample(9, 4, seed: 3))
        func floats(_ sample: Sample) -> [[Float]] { sample.rows.map { $0.map { Float($0) } } }
        let single = Reference.attention(
            q: floats(q), k: floats(k), v: floats(v), heads: 4, keyValueHeads: 2, headDim: 2)
        let double = Reference.attention(
            q: q.rows, k: k.rows, v: v.rows, heads: 4, keyValueHeads: 2, headDim: 2)
        #expect(relativeError(single.flatMap { $0 }, double.flatMap { $0 }) <= 1e-6)
    }
}
