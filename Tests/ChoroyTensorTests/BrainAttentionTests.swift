import ChoroyTensor
import Testing

/// Attention with factors of bfloat16 beside that of floats.
@Suite(.enabled(if: CPUType.avx512bf16.isAvailable, "this CPU has no bfloat16 products"))
struct `Attention in bfloat16` {
    private struct Result {
        let y: Tensor
        let slopes: [Tensor]
    }

    private static func run(
        _ lengths: [Int], _ shape: AttentionShape, _ precision: Precision
    ) -> Result {
        let rows = lengths.reduce(0, +)
        let parameters = [shape.heads, shape.keyValueHeads, shape.keyValueHeads].enumerated().map {
            Sample(rows, $1 * shape.headDim, seed: UInt64($0 + 1), spread: 2).parameter("\($0)")
        }
        let inputs = parameters.map { $0.value(recording: true) }
        let y = attention(
            q: inputs[0], k: inputs[1], v: inputs[2], lengths: lengths, shape: shape,
            precision: precision)
        var gradients = Gradients(for: parameters)
        weightedSum(y).backward(into: &gradients)
        return Result(y: y.detached, slopes: parameters.map { gradients.gradient(of: $0) })
    }

    /// Factors are rounded to 9 bits. Sums of them err less, but slopes of few tokens are differences of
    /// numbers that are nearly equal.
    @Test(
        arguments: [[1], [2], [5, 12], [13], [63, 1], [64], [65], [77, 130], [256]],
        [(1, 1, 16), (2, 1, 48), (6, 2, 64), (3, 3, 32), (2, 2, 80), (2, 1, 128)])
    func `is near that of floats, and so are its gradients`(
        _ lengths: [Int], _ form: (heads: Int, keyValueHeads: Int, headDim: Int)
    ) {
        let shape = AttentionShape(
            heads: form.heads, keyValueHeads: form.keyValueHeads, headDim: form.headDim)
        let floats = Self.run(lengths, shape, .float32)
        let brain = Self.run(lengths, shape, .bfloat16)
        #expect(relativeError(brain.y, floats.y.matrix) < 0.01)
        for (found, expected) in zip(brain.slopes, floats.slopes) {
            // A sequence of one token has no slope of q and k but what rounding leaves.
            guard lengths != [1] else { continue }
            #expect(relativeError(found, expected.matrix) < 0.04)
        }
        #expect(bits(brain.y) != bits(floats.y))
    }

    @Test func `gives a sequence the same bits in any company`() {
        let shape = AttentionShape(heads: 2, keyValueHeads: 1, headDim: 32)
        let width = 64
        let q = Sample(200, width, seed: 1).tensor
        let k = Sample(200, 32, seed: 2).tensor
        let v = Sample(200, 32, seed: 3).tensor
        let whole = attention(
            q: q, k: k, v: v, lengths: [200], shape: shape, precision: .bfloat16)
        for length in [1, 12, 13, 64, 100, 129] {
            let first = Array(0..<length)
            let part = attention(
                q: rows(first, of: q), k: rows(first, of: k), v: rows(first, of: v),
                lengths: [length], shape: shape, precision: .bfloat16)
            #expect(bits(part) == bits(rows(first, of: whole)))
        }
    }
}
