import ChoroyTensor
import Testing

@Suite struct `AdamW` {
    @Test func `several steps of several parameters follow the formula`() {
        let samples = [Sample(3, 7, seed: 1), Sample(17, seed: 2), Sample(200, 90, seed: 3)]
        let parameters = samples.map { $0.parameter() }
        var gradients = Gradients(for: parameters)
        var moments = AdamWMoments(for: parameters)
        var w = samples.map { $0.rows.flatMap { $0 } }
        var m = w.map { $0.map { _ in 0.0 } }
        var v = m
        for step in 1...5 {
            let slopes = w.indices.map {
                Sample(w[$0].count, seed: UInt64(10 * $0 + step)).rows[0]
            }
            gradients.reset()
            for (index, slope) in slopes.enumerated() {
                gradients.add(
                    Tensor(slope.map { Float($0) }, shape: samples[index].shape),
                    to: parameters[index])
            }
            moments.update(with: gradients, coefficients(step: step))
            for index in w.indices {
                // A vector does not decay.
                let decay = samples[index].shape.count > 1 ? 0.1 : 0
                for i in w[index].indices {
                    Reference.adamW(
                        &w[index][i], gradient: slopes[index][i] / 4, m: &m[index][i],
                        v: &v[index][i], rate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8,
                        decay: decay, step: step)
                }
            }
        }
        for (index, parameter) in parameters.enumerated() {
            // 1e-5: the constants 0.9 and 0.95 are rounded to Float, five steps deep.
            #expect(relativeError(parameter.value.values, w[index]) <= 1e-5)
            #expect(relativeError(moments.values(index).first.values, m[index]) <= 1e-5)
            #expect(relativeError(moments.values(index).second.values, v[index]) <= 1e-5)
            #expect(parameter.version == 5)
        }
    }

    /// The first moment is corrected by 1 / (1 − 0.9ᵗ), which is 1 in the end.
    @Test(arguments: [1, 2, 10, 100, 1_000_000])
    func `moments are corrected for the step`(_ step: Int) {
        var w = 1.0
        var (m, v) = (0.0, 0.0)
        Reference.adamW(
            &w, gradient: 0.5, m: &m, v: &v, rate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8,
            decay: 0.1, step: step)
        let parameter = Parameter(name: "w", Tensor([1], shape: [1, 1]))
        var gradients = Gradients(for: [parameter])
        gradients.add(Tensor([2], shape: [1, 1]), to: parameter)
        var moments = AdamWMoments(for: [parameter])
        moments.update(with: gradients, coefficients(step: step))
        #expect(abs(Double(parameter.value.scalar) - w) <= 1e-7)
    }

    @Test func `a parameter without a gradient stays as it is`() {
        let (a, b) = (Sample(3, seed: 1).parameter("a"), Sample(3, seed: 2).parameter("b"))
        var moments = AdamWMoments(for: [a, b])
        moments.update(with: Gradients(for: [a]), coefficients(step: 1))
        #expect(b.version == 0)
    }

    @Test func `moments that were set are used`() {
        let parameter = Sample(5, seed: 1).parameter()
        var moments = AdamWMoments(for: [parameter])
        let (first, second) = (Sample(5, seed: 2).tensor, Sample(5, seed: 3, spread: 0.1).tensor)
        moments.set(0, first: first, second: second)
        #expect(moments.values(0).first.values == first.values)
        #expect(moments.values(0).second.values == second.values)
    }

    func coefficients(step: Int) -> AdamWCoefficients {
        AdamWCoefficients(
            learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1,
            gradientScale: 0.25, step: step)
    }
}
