import ChoroyTensor
import Testing

/// The exponential of the kernels, seen through the operations that use it.
@Suite struct `Exponential` {
    /// −100 … 100 in steps of 1/32.
    static let sweep = (-3200...3200).map { Double($0) / 32 }

    /// 4e-7: three units in the last place. Below 1e-37 numbers lose digits, and may become zero.
    @Test func `swiGLU is accurate from −100 to 100`() {
        let x = Tensor(Self.sweep.map { Float($0) }, shape: [Self.sweep.count])
        let ones = Tensor([Float](repeating: 1, count: x.count), shape: x.shape)
        let expected = Reference.swiGLU(gate: [Self.sweep], up: [Self.sweep.map { _ in 1 }])[0]
        for (found, exact) in zip(swiGLU(gate: x, up: ones).values, expected) {
            #expect(abs(Double(found) - exact) <= max(4e-7 * abs(exact), 1e-36))
        }
    }

    /// log(1 + eˣ) of two logits x and 0; 1e-7 of absolute error is one rounding of 1 + eˣ.
    @Test func `cross-entropy is accurate from −100 to 100`() {
        let weight = Tensor([1, 0], shape: [2, 1])
        for x in Self.sweep {
            let hidden = Tensor([Float(x)], shape: [1, 1])
            let found = Double(linearCrossEntropy(hidden, weight, targets: [1]).scalar)
            let exact = Reference.crossEntropy([[x, 0]], targets: [1])
            #expect(abs(found - exact) <= 1e-7 + 3e-7 * exact, "x = \(x)")
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude, 1e30, -1e30])
    func `extreme numbers pass through without a trap`(_ value: Float) {
        for count in [1, 16, 17, 33] {
            var numbers = [Float](repeating: 1, count: count)
            numbers[count - 1] = value
            let x = Tensor(numbers, shape: [count, 1])
            let gated = swiGLU(gate: x, up: x).values
            #expect(gated.dropLast().allSatisfy { abs($0 - 0.7310586) < 1e-6 })
            if value.isNaN { #expect(gated[count - 1].isNaN) }
            if value == .infinity { #expect(gated[count - 1] == .infinity) }
            let hidden = Parameter(name: "h", Tensor([1], shape: [1, 1]))
            var gradients = Gradients(for: [hidden])
            let loss = linearCrossEntropy(hidden.value(recording: true), x, targets: [0])
            loss.backward(into: &gradients)
            if value.isNaN { #expect(loss.scalar.isNaN) }
            if value == -1e30 && count > 1 { #expect(loss.scalar.isFinite) }
            let shape = AttentionShape(heads: 1, keyValueHeads: 1, headDim: 1)
            let y = attention(q: x, k: x, v: x, lengths: [count], shape: shape).values
            // Causal: a finite number that comes last does not reach what stands before it.
            if value.isFinite { #expect(y.dropLast().allSatisfy { $0 == 1 }) }
        }
    }
}
