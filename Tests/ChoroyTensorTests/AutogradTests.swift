import ChoroyTensor
import Testing

@Suite struct `Backward pass` {
    let x = Sample(5, 7, seed: 1)
    let w = Sample(3, 7, seed: 2).parameter("w")

    func gradient(of parameter: Parameter, _ run: (inout Gradients) -> Void) -> [Float] {
        var gradients = Gradients(for: [parameter])
        run(&gradients)
        return gradients.gradient(of: parameter).values
    }

    @Test func `nothing is recorded when no input is`() {
        let constants = Sample(6, 4, seed: 1).tensor
        let frozen = Sample(4, 4, seed: 2).parameter().value
        let scale = Sample(4, seed: 3).parameter().value
        let shape = AttentionShape(heads: 2, keyValueHeads: 2, headDim: 2)
        let table = RotaryTable(headDim: 2, positions: 6, theta: 100)
        let key = DropoutKey(probability: 0.5, seed: 1, step: 1, layer: 1)
        let results = [
            linear(constants, frozen), rmsNorm(constants, scale, epsilon: 1e-5),
            swiGLU(gate: constants, up: constants), sum(constants, constants),
            embedding([1, 2], frozen), rotary(constants, positions: Array(0..<6), table: table),
            dropout(constants, key),
            linearCrossEntropy(constants, frozen, targets: [0, 1, 2, 3, 0, 1]),
            attention(q: constants, k: constants, v: constants, lengths: [2, 4], shape: shape),
        ]
        #expect(results.allSatisfy { !$0.isRecorded })
        #expect(linear(constants, w4.value(recording: true)).isRecorded)
        #expect(!linear(constants, w4.value(recording: true)).detached.isRecorded)
    }

    let w4 = Sample(4, 4, seed: 9).parameter("w4")

    @Test func `activations are freed on the way`() {
        weak var activation: TensorStorage?
        func loss() -> Tensor {
            let hidden = linear(x.tensor, w.value(recording: true))
            activation = hidden.storage
            return weightedSum(swiGLU(gate: hidden, up: hidden))
        }
        let scalar = loss()
        #expect(activation != nil)
        _ = gradient(of: w) { scalar.backward(into: &$0) }
        #expect(activation == nil)
    }

    @Test func `a graph that is dropped frees its activations too`() {
        weak var activation: TensorStorage?
        do {
            let hidden = linear(x.tensor, w.value(recording: true))
            activation = hidden.storage
            let loss = weightedSum(swiGLU(gate: hidden, up: hidden))
            withExtendedLifetime(loss) { #expect(activation != nil) }
        }
        #expect(activation == nil)
    }

    func loss() -> Tensor { weightedSum(linear(x.tensor, w.value(recording: true))) }

    @Test func `scale multiplies every gradient`() {
        let once = gradient(of: w) { loss().backward(into: &$0) }
        let scaled = gradient(of: w) { loss().backward(into: &$0, scale: 0.25) }
        #expect(scaled == once.map { $0 * 0.25 })
    }

    @Test func `two passes add up, and reset begins again`() {
        let once = gradient(of: w) { loss().backward(into: &$0) }
        let twice = gradient(of: w) {
            loss().backward(into: &$0)
            loss().backward(into: &$0)
        }
        #expect(relativeError(twice, once.map { Double($0) * 2 }) <= 1e-6)
        let again = gradient(of: w) {
            loss().backward(into: &$0)
            $0.reset()
            loss().backward(into: &$0)
        }
        #expect(again == once)
    }

    @Test func `a scalar parameter is its own loss`() {
        let p = Parameter(name: "p", Tensor([3], shape: [1]))
        #expect(gradient(of: p) { p.value(recording: true).backward(into: &$0, scale: 5) } == [5])
        #expect(gradient(of: p) { p.value.backward(into: &$0) } == [0])
        #expect(gradient(of: p) { Tensor([3], shape: [1]).backward(into: &$0) } == [0])
    }

    @Test func `a frozen parameter and one that is not in the list get nothing`() {
        let v = Sample(3, 7, seed: 4).parameter("v")
        func loss(frozen: Bool) -> Tensor {
            let y = linear(x.tensor, w.value(recording: true))
            return weightedSum(sum(y, linear(x.tensor, v.value(recording: !frozen))))
        }
        let alone = gradient(of: w) { self.loss().backward(into: &$0) }
        #expect(gradient(of: w) { loss(frozen: false).backward(into: &$0) } == alone)
        #expect(gradient(of: w) { loss(frozen: true).backward(into: &$0) } == alone)
        #expect(gradient(of: v) { loss(frozen: true).backward(into: &$0) }.allSatisfy { $0 == 0 })
    }

    @Test func `a long chain needs no deep stack`() {
        let p = Parameter(name: "p", Tensor([1, 2], shape: [1, 2]))
        let found = gradient(of: p) { gradients in
            var y = p.value(recording: true)
            for _ in 0..<20_000 { y = sum(y, Tensor([0, 1], shape: [1, 2])) }
            weightedSum(y).backward(into: &gradients)
        }
        #expect(
            found == gradient(of: p) { weightedSum(p.value(recording: true)).backward(into: &$0) })
    }

    @Test func `the norm is that of all parameters together`() {
        let (a, b) = (Sample(70_000, seed: 1), Sample(3, seed: 2))
        let parameters = [a.parameter("a"), b.parameter("b")]
        var gradients = Gradients(for: parameters)
        gradients.add(a.tensor, to: parameters[0])
        gradients.add(b.tensor, to: parameters[1])
        let expected =
            (Reference.sumOfSquares(a.rows[0]) + Reference.sumOfSquares(b.rows[0])).squareRoot()
        #expect(abs(gradients.norm() - expected) <= 1e-12 * expected)
    }
}

@Suite struct `Parameters` {
    let w = Sample(3, 7, seed: 2).parameter("w")
    let x = Sample(5, 7, seed: 1).tensor

    @Test func `update changes values, version and packed matrix`() {
        let before = linear(x, w.value).values
        unsafe w.update { unsafe $0.update(repeating: 0, count: 21) }
        #expect(w.version == 1)
        #expect(w.value.values.allSatisfy { $0 == 0 })
        #expect(linear(x, w.value).values.allSatisfy { $0 == 0 })
        #expect(before.contains { $0 != 0 })
    }

    @Test func `update is possible once the backward pass has used the graph up`() {
        var gradients = Gradients(for: [w])
        let loss = weightedSum(linear(x, w.value(recording: true)))
        loss.backward(into: &gradients)
        unsafe w.update { unsafe $0[0] = 1 }
        #expect(w.version == 1)
    }

    @Test func `update is refused while a recorded graph is alive`() async {
        await #expect(processExitsWith: .failure) {
            let w = Sample(3, 7, seed: 2).parameter("w")
            let loss = weightedSum(linear(Sample(5, 7, seed: 1).tensor, w.value(recording: true)))
            unsafe w.update { unsafe $0[0] = 1 }
            withExtendedLifetime(loss) {}
        }
    }
}

@Suite struct `Dropout` {
    let ones = Tensor([Float](repeating: 1, count: 100_001), shape: [100_001])

    func key(_ probability: Float, seed: UInt64 = 1, step: Int = 1, layer: Int = 1) -> DropoutKey {
        DropoutKey(probability: probability, seed: seed, step: step, layer: layer)
    }

    @Test func `the same key drops the same elements, another key others`() {
        let first = dropout(ones, key(0.3)).values
        #expect(dropout(ones, key(0.3)).values == first)
        for other in [key(0.3, seed: 2), key(0.3, step: 2), key(0.3, layer: 2)] {
            #expect(dropout(ones, other).values != first)
        }
    }

    @Test(arguments: [0.1, 0.5, 0.9] as [Float])
    func `a share is dropped and the mean stays`(_ probability: Float) {
        let y = dropout(ones, key(probability)).values
        let dropped = Float(y.count { $0 == 0 }) / Float(y.count)
        // Five standard deviations of 100,001 draws.
        let spread = 5 * (probability * (1 - probability) / 100_001).squareRoot()
        #expect(abs(dropped - probability) <= spread)
        #expect(Set(y).count == 2)
        let mean = y.reduce(0) { $0 + Double($1) } / Double(y.count)
        #expect(abs(mean - 1) <= Double(spread / (1 - probability)))
    }

    @Test func `the gradient has the same mask`() {
        let p = Parameter(name: "p", ones)
        var gradients = Gradients(for: [p])
        let y = dropout(p.value(recording: true), key(0.3))
        y.sumOfAll.backward(into: &gradients)
        #expect(gradients.gradient(of: p).values == dropout(ones, key(0.3)).values)
    }

    @Test func `no key and probability 0 leave everything`() {
        #expect(dropout(ones, nil).values == ones.values)
        #expect(dropout(ones, key(0)).values == ones.values)
    }
}

extension Tensor {
    /// The sum of all elements, with gradient 1 for each.
    fileprivate var sumOfAll: Tensor {
        let shape = shape
        return Tensor([values.reduce(0, +)], shape: [1]).recording(self) { dy, _ in
            [Tensor([Float](repeating: dy.scalar, count: shape.reduce(1, *)), shape: shape)]
        }
    }
}
