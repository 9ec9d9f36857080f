import ChoroyTensor
import Testing

/// Training through a frozen matrix in bytes: gradients of the function with ŵ in place of w.
@Suite struct `Gradients through bytes` {
    private func rounded(_ matrix: Int8Matrix) -> [[Double]] {
        matrix.rows(0..<matrix.outputs).matrix
    }

    @Test(arguments: [(1, 1), (17, 33), (130, 40)])
    func `a linear map hands the gradient back`(_ outputs: Int, _ depth: Int) {
        let matrix = Int8Matrix(quantizing: Sample(outputs, depth, seed: 2).tensor)
        let w = rounded(matrix)
        expectGradients(
            of: { weightedSum(linear($0[0], Weight(matrix), recording: true)) },
            equalDifferencesOf: { weightedSum(Reference.linear($0[0], w)) },
            at: [Sample(5, depth, seed: 1)])
    }

    @Test func `recorded, a linear map keeps its input in floats`() {
        let matrix = Int8Matrix(quantizing: Sample(70, 50, seed: 2).tensor)
        let x = Sample(9, 50, seed: 1)
        let y = linear(x.tensor, Weight(matrix), recording: true)
        #expect(relativeError(y, Reference.linear(x.rows, rounded(matrix))) <= 1e-5)
    }

    @Test(arguments: [1, 17, 65, 129])
    func `the loss of a head hands the gradient back`(_ vocabulary: Int) {
        let matrix = Int8Matrix(quantizing: Sample(vocabulary, 12, seed: 2).tensor)
        let w = rounded(matrix)
        let targets = (0..<7).map { Int32($0 % 3 == 1 ? -1 : $0 * 5 % vocabulary) }
        expectGradients(
            of: {
                linearCrossEntropy($0[0], Weight(matrix), recording: true, targets: targets)
            },
            equalDifferencesOf: {
                Reference.crossEntropy(Reference.linear($0[0], w), targets: targets)
            },
            at: [Sample(7, 12, seed: 1)])
    }

    /// More than 2²⁰ weights are widened in blocks of rows.
    @Test func `blocks of rows make one product`() {
        let (outputs, depth) = (2_200, 600)
        let matrix = Int8Matrix(quantizing: Sample(outputs, depth, seed: 2).tensor)
        let whole = Parameter(name: "whole", matrix.rows(0..<outputs), isFrozen: true)
        let x = Sample(3, depth, seed: 1).parameter("x")
        func run(_ weight: Weight) -> (Tensor, [Double]) {
            var gradients = Gradients(for: [x])
            let y = linear(x.value(recording: true), weight, recording: true)
            weightedSum(y).backward(into: &gradients)
            return (y.detached, gradients.gradient(of: x).values.map(Double.init))
        }
        let (found, expected) = (run(Weight(matrix)), run(Weight(whole)))
        #expect(relativeError(found.0.values, expected.0.values.map(Double.init)) <= 1e-5)
        #expect(relativeError(found.1.map { Float($0) }, expected.1) <= 1e-5)
    }

    @Test func `an embedding looks rounded rows up`() {
        let matrix = Int8Matrix(quantizing: Sample(67, 33, seed: 2).tensor)
        let tokens: [Int32] = [66, 0, 3, 64, 3]
        let y = embedding(tokens, Weight(matrix), recording: true)
        #expect(!y.isRecorded)
        for (row, token) in tokens.enumerated() {
            #expect(y.row(row) == matrix.rows(Int(token)..<Int(token) + 1).values)
        }
    }
}
