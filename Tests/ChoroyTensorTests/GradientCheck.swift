import ChoroySystem
import ChoroyTensor
import Testing

/// Compares gradients in `Float` with central differences of the same scalar in `Double`.
///
/// For each input, max |gradient − difference| / (max |difference| + 1e-6) must be at most 1e-3. All
/// elements of small inputs are tried; of larger ones 32 elements, and one random direction through
/// all of them.
func expectGradients(
    of loss: ([Tensor]) -> Tensor, equalDifferencesOf reference: ([[[Double]]]) -> Double,
    at inputs: [Sample], _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let parameters = inputs.enumerated().map { $1.parameter("input \($0)") }
    var gradients = Gradients(for: parameters)
    loss(parameters.map { $0.value(recording: true) }).backward(into: &gradients)
    for (index, input) in inputs.enumerated() {
        let gradient = gradients.gradient(of: parameters[index]).values
        let error = largestError(of: gradient, reference: reference, at: inputs, index)
        #expect(
            error <= 1e-3, "input \(index) of shape \(input.shape), \(comment ?? "")",
            sourceLocation: sourceLocation)
    }
}

private func largestError(
    of gradient: [Float], reference: ([[[Double]]]) -> Double, at inputs: [Sample], _ index: Int
) -> Double {
    let count = inputs[index].count
    var point = inputs.map(\.rows)
    var random = SeededRandom(seed: UInt64(count))
    let elements =
        count <= 48
        ? Array(0..<count) : [0, count - 1] + (0..<30).map { _ in random.below(count) }
    let differences = elements.map { element in
        let (r, c) = (element / point[index][0].count, element % point[index][0].count)
        let (value, h) = (point[index][r][c], 1e-5)
        point[index][r][c] = value + h
        let above = reference(point)
        point[index][r][c] = value - h
        let below = reference(point)
        point[index][r][c] = value
        return (above - below) / (2 * h)
    }
    let error = relativeError(elements.map { gradient[$0] }, differences)
    if elements.count == count { return error }

    let direction = (0..<count).map { _ in random.next() & 1 == 0 ? 1.0 : -1.0 }
    let (width, h) = (point[index][0].count, 1e-6)
    func moved(by step: Double) -> Double {
        for element in 0..<count {
            let (r, c) = (element / width, element % width)
            point[index][r][c] = inputs[index].rows[r][c] + step * direction[element]
        }
        return reference(point)
    }
    let slope = (moved(by: h) - moved(by: -h)) / (2 * h)
    let expected = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * $1.1 }
    let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    return max(error, abs(slope - expected) / (norm + 1e-6))
}

/// Σ c · y with fixed random c: a scalar whose gradient differs from element to element.
func weightedSum(_ y: Tensor, seed: UInt64 = 99) -> Tensor {
    let c = coefficients(y.count, seed)
    let total = zip(c, y.values).reduce(0) { $0 + $1.0 * Double($1.1) }
    let shape = y.shape
    return Tensor([Float(total)], shape: [1]).recording(y) { dy, _ in
        [Tensor(c.map { Float($0) * dy.scalar }, shape: shape)]
    }
}

func weightedSum(_ y: [[Double]], seed: UInt64 = 99) -> Double {
    let y = y.flatMap { $0 }
    return zip(coefficients(y.count, seed), y).reduce(0) { $0 + $1.0 * $1.1 }
}

private func coefficients(_ count: Int, _ seed: UInt64) -> [Double] {
    Sample(count, seed: seed).rows[0]
}
