import ChoroyTensor
import Testing

/// Gradients of what adapters add, against central differences.
@Suite struct `Low-rank changes` {
    private static let sizes = [(1, 1, 1, 1), (3, 7, 5, 2), (17, 33, 15, 4), (40, 65, 64, 16)]

    private func frozen(_ sample: Sample) -> Weight {
        Weight(Parameter(name: "w", sample.tensor, isFrozen: true))
    }

    private func reference(
        _ x: [[Double]], _ u: [[Double]], _ w: [[Double]], _ a: [[Double]], _ b: [[Double]]
    ) -> [[Double]] {
        let change = Reference.linear(Reference.linear(u, a), b)
        return zip(Reference.linear(x, w), change).map { zip($0, $1).map { $0 + 0.5 * $1 } }
    }

    @Test func `have the gradients of finite differences`() {
        for (rows, outputs, depth, rank) in Self.sizes {
            let w = Sample(outputs, depth, seed: 9)
            expectGradients(
                of: {
                    let change = LowRankChange(
                        a: $0[1].parameter, b: $0[2].parameter, scaling: 0.5)
                    return weightedSum(
                        linear($0[0], frozen(w), plus: change, recording: true))
                },
                equalDifferencesOf: { weightedSum(reference($0[0], $0[0], w.rows, $0[1], $0[2])) },
                at: [
                    Sample(rows, depth, seed: 1), Sample(rank, depth, seed: 2),
                    Sample(outputs, rank, seed: 3),
                ])
        }
    }

    /// The matrix is trained too, and the input is a constant.
    @Test func `leave a trained matrix its gradient`() {
        let x = Sample(5, 8, seed: 1)
        expectGradients(
            of: {
                let change = LowRankChange(a: $0[1].parameter, b: $0[2].parameter, scaling: 0.5)
                return weightedSum(
                    linear(x.tensor, Weight($0[0].parameter), plus: change, recording: true))
            },
            equalDifferencesOf: { weightedSum(reference(x.rows, x.rows, $0[0], $0[1], $0[2])) },
            at: [Sample(6, 8, seed: 4), Sample(2, 8, seed: 2), Sample(6, 2, seed: 3)])
    }

    private func norms(_ w: [[Double]], _ a: [[Double]], _ b: [[Double]]) -> [Double] {
        w.indices.map { o in
            let row = w[o].indices.map { k in
                w[o][k] + 0.5 * a.indices.reduce(0) { $0 + b[o][$1] * a[$1][k] }
            }
            return row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
    }

    /// The lengths of the rows are constants of the gradient, so the reference keeps those of the
    /// point where it is taken.
    @Test(arguments: [Float(0), 0.25])
    func `with lengths have the gradients of finite differences`(_ probability: Float) {
        for (rows, outputs, depth, rank) in Self.sizes {
            let w = Sample(outputs, depth, seed: 9)
            let (a, b) = (Sample(rank, depth, seed: 2), Sample(outputs, rank, seed: 3))
            let constant = norms(w.rows, a.rows, b.rows)
            let key = DropoutKey(probability: probability, seed: 3, step: 1, layer: 2)
            let ones = Tensor([Float](repeating: 1, count: rows * depth), shape: [rows, depth])
            let mask = dropout(ones, key).matrix
            expectGradients(
                of: {
                    let change = LowRankChange(
                        a: $0[1].parameter, b: $0[2].parameter, scaling: 0.5,
                        magnitude: $0[3].parameter)
                    return weightedSum(
                        linear(
                            $0[0], frozen(w), plus: change, recording: true, dropping: key))
                },
                equalDifferencesOf: { point in
                    let x = point[0]
                    let u = zip(x, mask).map { zip($0, $1).map { $0 * $1 } }
                    let z = reference(u, u, w.rows, point[1], point[2])
                    let rest = zip(x, u).map { zip($0, $1).map { $0 - $1 } }
                    let base = Reference.linear(rest, w.rows)
                    return weightedSum(
                        z.indices.map { n in
                            z[n].indices.map { o in
                                base[n][o] + z[n][o] * point[3][0][o] / constant[o]
                            }
                        })
                },
                at: [Sample(rows, depth, seed: 1), a, b, Sample(outputs, seed: 5)])
        }
    }

    @Test func `see their inputs after dropout, the matrix does not`() {
        let w = Sample(33, 15, seed: 9)
        let key = DropoutKey(probability: 0.5, seed: 3, step: 1, layer: 2)
        let ones = Tensor([Float](repeating: 1, count: 17 * 15), shape: [17, 15])
        let mask = dropout(ones, key).matrix
        expectGradients(
            of: {
                let change = LowRankChange(a: $0[1].parameter, b: $0[2].parameter, scaling: 0.5)
                return weightedSum(
                    linear($0[0], frozen(w), plus: change, recording: true, dropping: key))
            },
            equalDifferencesOf: {
                let u = zip($0[0], mask).map { zip($0, $1).map { $0 * $1 } }
                return weightedSum(reference($0[0], u, w.rows, $0[1], $0[2]))
            },
            at: [Sample(17, 15, seed: 1), Sample(4, 15, seed: 2), Sample(33, 4, seed: 3)])
    }

    @Test func `keep lengths until A or B changes`() {
        let a = Sample(2, 8, seed: 1).parameter()
        let b = Sample(5, 2, seed: 2).parameter()
        let w = Sample(5, 8, seed: 3)
        let change = LowRankChange(a: a, b: b, scaling: 0.5)
        let expected = norms(w.rows, a.value.matrix, b.value.matrix)
        #expect(relativeError(change.norms(of: frozen(w)).values, expected) <= 1e-6)
        unsafe a.update { unsafe $0[3] += 2 }
        let changed = norms(w.rows, a.value.matrix, b.value.matrix)
        #expect(relativeError(change.norms(of: frozen(w)).values, changed) <= 1e-6)
    }
}

/// Rows that stand in for those of a frozen matrix.
@Suite struct `Replaced rows` {
    private func weight(_ base: Sample, _ values: Tensor) -> Weight {
        Weight(
            Parameter(name: "w", base.tensor, isFrozen: true),
            replacement: RowReplacement(rows: [9, 2, 30], values: values.parameter))
    }

    private func replaced(_ base: Sample, _ values: [[Double]]) -> [[Double]] {
        var rows = base.rows
        for (index, row) in [9, 2, 30].enumerated() { rows[row] = values[index] }
        return rows
    }

    @Test(arguments: [[Int32](arrayLiteral: 9, 1, 2, 2, 30, 9, 0), [1, 3]])
    func `are looked up`(_ tokens: [Int32]) {
        let base = Sample(33, 7, seed: 1)
        expectGradients(
            of: { weightedSum(embedding(tokens, weight(base, $0[0]), recording: true)) },
            equalDifferencesOf: { values in
                let rows = replaced(base, values[0])
                return weightedSum(tokens.map { rows[Int($0)] })
            }, at: [Sample(3, 7, seed: 2)])
    }

    @Test func `are multiplied by`() {
        let base = Sample(33, 7, seed: 1)
        expectGradients(
            of: { weightedSum(linear($0[0], weight(base, $0[1]), recording: true)) },
            equalDifferencesOf: {
                weightedSum(Reference.linear($0[0], replaced(base, $0[1])))
            }, at: [Sample(5, 7, seed: 3), Sample(3, 7, seed: 2)])
    }

    @Test(arguments: [5, 70])
    func `are predicted`(_ rows: Int) {
        let base = Sample(33, 7, seed: 1)
        let targets = (0..<rows).map { Int32([9, 4, -1, 30, 2][$0 % 5]) }
        expectGradients(
            of: {
                linearCrossEntropy(
                    $0[0], weight(base, $0[1]), recording: true, targets: targets)
            },
            equalDifferencesOf: {
                Reference.crossEntropy(
                    Reference.linear($0[0], replaced(base, $0[1])), targets: targets)
            }, at: [Sample(rows, 7, seed: 3), Sample(3, 7, seed: 2)])
    }
}

extension Tensor {
    /// The parameter whose recorded values these are.
    fileprivate var parameter: Parameter {
        guard case .parameter(let parameter) = origin else {
            preconditionFailure("not the values of a parameter")
        }
        return parameter
    }
}
