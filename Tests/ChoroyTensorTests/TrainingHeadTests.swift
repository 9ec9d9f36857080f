import ChoroyTensor
import Testing

/// The head of training: its weight's gradient is added while the loss is computed, and rows that have
/// no target are left out.
@Suite(.serialized) struct `A training head` {
    private static let (rows, width, vocabulary) = (70, 20, 90)

    /// Value and gradients of 0.25 times the loss, by one of the two ways.
    private static func loss(_ targets: [Int32], direct: Bool) -> [[Float]] {
        let hidden = Sample(rows, width, seed: 1).parameter()
        let head = Sample(vocabulary, width, seed: 2).parameter()
        var gradients = Gradients(for: [hidden, head])
        let x = hidden.value(recording: true)
        let loss: Tensor
        if direct {
            loss = linearCrossEntropy(
                x, Weight(head), targets: targets, precision: .float32, scale: 0.25,
                into: &gradients)
        } else {
            loss = scaled(
                linearCrossEntropy(x, Weight(head), recording: true, targets: targets), by: 0.25)
        }
        loss.backward(into: &gradients)
        return [loss.values] + [hidden, head].map { gradients.gradient(of: $0).values }
    }

    @Test(arguments: [1, 2, 7])
    func `gives the gradients of the recorded loss`(every: Int) {
        let targets = (0..<Self.rows).map { Int32($0 % every == 0 ? $0 * 7 % Self.vocabulary : -1) }
        let (expected, found) = (
            Self.loss(targets, direct: false), Self.loss(targets, direct: true)
        )
        for (a, b) in zip(expected, found) {
            #expect(a.count == b.count)
            // 1e-7: the scale is applied before the sum over 70 rows instead of behind it.
            #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-7 + 1e-5 * abs($0) })
        }
    }

    @Test func `sends nothing to rows without a target`() {
        let targets = (0..<Self.rows).map { Int32($0 == 33 ? 5 : -1) }
        let slopes = Self.loss(targets, direct: true)[1]
        for row in 0..<Self.rows {
            let some = slopes[row * Self.width..<(row + 1) * Self.width].contains { $0 != 0 }
            #expect(some == (row == 33))
        }
    }

    @Test(arguments: Precision.allCases)
    func `multiplies parts of wider matrices as it does whole ones`(precision: Precision) {
        let (m, n, k, wide) = (37, 45, 64, 200)
        let (a, b) = (Sample(m, k, seed: 1).floats, Sample(n, k, seed: 2).floats)
        func product(stride: Int?) -> [Float] {
            func spread(_ x: [Float]) -> [Float] {
                guard let stride else { return x }
                var result = [Float](repeating: .nan, count: x.count / k * stride)
                for i in x.indices { result[i / k * stride + i % k] = x[i] }
                return result
            }
            var c = [Float](repeating: 0, count: m * (stride ?? n))
            let (left, right) = (spread(a), spread(b))
            unsafe left.withUnsafeBufferPointer { x in
                unsafe right.withUnsafeBufferPointer { y in
                    unsafe c.withUnsafeMutableBufferPointer { c in
                        guard let x = x.baseAddress, let y = y.baseAddress, let c = c.baseAddress
                        else { return }
                        unsafe MatrixProduct.multiply(
                            .plain(x, stride: stride),
                            MatrixProduct.Right(
                                .transposed(y, stride: stride), n: n, k: k, precision: precision),
                            into: c, stride: stride, m: m)
                    }
                }
            }
            let width = stride ?? n
            return (0..<m * n).map { i in c[i / n * width + i % n] }
        }
        #expect(product(stride: wide).map(\.bitPattern) == product(stride: nil).map(\.bitPattern))
    }

    @Test func `shows in the times of operations`() {
        OperationTimes.shared.start()
        _ = Self.loss([Int32](repeating: 3, count: Self.rows), direct: true)
        let entry = OperationTimes.shared.stop().first { $0.name == "linearCrossEntropy" }
        #expect(entry?.calls ?? 0 > 0)
    }
}

/// Activations that the backward pass computes again.
@Suite struct `A recomputed part` {
    @Test(arguments: [false, true])
    func `gives the same bits as one that is kept`(trainsInput: Bool) {
        func step(_ recomputes: Bool) -> [[UInt32]] {
            let parameters = [
                Sample(40, 20, seed: 1), Sample(30, 20, seed: 2), Sample(20, 30, seed: 3),
            ].map { $0.parameter() }
            var gradients = Gradients(for: parameters)
            let w = parameters.map { $0.value(recording: true) }
            let key = DropoutKey(probability: 0.2, seed: 1, step: 2, layer: 3)
            func layer(_ x: Tensor) -> Tensor {
                sum(x, dropout(linear(linear(x, w[1]), w[2]), key))
            }
            var x = trainsInput ? w[0] : parameters[0].value
            for _ in 0..<3 { x = recomputes ? recomputed(x, layer) : layer(x) }
            let loss = linearCrossEntropy(
                x, w[1], targets: (0..<40).map { Int32($0 * 7 % 30) })
            loss.backward(into: &gradients)
            return [bits(loss)] + parameters.map { bits(gradients.gradient(of: $0)) }
        }
        #expect(step(true) == step(false))
    }
}
