public import ChoroyTensor
public import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Two models of one vocabulary as one: a token's probability is the weighted mean of theirs.
///
///     p(v | h) = (1 − w)·p₁(v | h) + w·p₂(v | h)
///
/// Source: Jelinek & Mercer 1980, "Interpolated estimation of Markov source parameters from sparse data".
public struct Mixture<First: LanguageModel, Second: LanguageModel>: LanguageModel {
    /// What both models remember of the same tokens.
    public struct State: SequenceState {
        var first: First.State
        var second: Second.State

        public var count: Int { first.count }

        public mutating func truncate(to count: Int) {
            first.truncate(to: count)
            second.truncate(to: count)
        }
    }

    public let first: First
    public let second: Second
    /// The share w of the second model.
    public let weight: Double

    /// - Precondition: the vocabularies are of one size, and the weight is in 0...1.
    public init(_ first: First, _ second: Second, weight: Double) {
        precondition(
            first.vocabularySize == second.vocabularySize,
            "a mixture of \(first.vocabularySize) and \(second.vocabularySize) tokens")
        precondition(0...1 ~= weight, "a mixture's weight of \(weight)")
        self.first = first
        self.second = second
        self.weight = weight
    }

    public var vocabularySize: Int { first.vocabularySize }

    public func initialState() -> State {
        State(first: first.initialState(), second: second.initialState())
    }

    /// Logits [rows, V] that are natural logarithms of probabilities.
    public func logits(
        _ tokens: [[TokenID]], states: inout [State], at positions: Positions
    ) -> Tensor {
        let a = read(tokens, &states, first, \.first) {
            first.logits(tokens, states: &$0, at: positions)
        }
        let b = read(tokens, &states, second, \.second) {
            second.logits(tokens, states: &$0, at: positions)
        }
        precondition(a.shape == b.shape, "a mixture of logits \(a.shape) and \(b.shape)")
        let mean = LogMean(weight: weight)
        let (left, right) = (a.values, b.values)
        var values: [Float] = []
        values.reserveCapacity(left.count)
        for row in stride(from: 0, to: left.count, by: vocabularySize) {
            let range = row..<row + vocabularySize
            let (sum1, sum2) = (Self.logSum(left[range]), Self.logSum(right[range]))
            for index in range {
                let logarithms = (Double(left[index]) - sum1, Double(right[index]) - sum2)
                values.append(Float(mean(logarithms.0, logarithms.1)))
            }
        }
        return Tensor(values, shape: a.shape)
    }

    public func logProbabilities(_ tokens: [[TokenID]], states: inout [State]) -> [[Double]] {
        let a = read(tokens, &states, first, \.first) {
            first.logProbabilities(tokens, states: &$0)
        }
        let b = read(tokens, &states, second, \.second) {
            second.logProbabilities(tokens, states: &$0)
        }
        let mean = LogMean(weight: weight)
        return zip(a, b).map { zip($0, $1).map { mean($0, $1) } }
    }

    /// Lets one of the models read with its own part of the states.
    private func read<Model: LanguageModel, Result>(
        _ tokens: [[TokenID]], _ states: inout [State], _ model: Model,
        _ part: WritableKeyPath<State, Model.State>, _ body: (inout [Model.State]) -> Result
    ) -> Result {
        precondition(
            tokens.count == states.count, "\(tokens.count) sequences, \(states.count) states")
        var parts = states.map { $0[keyPath: part] }
        let result = body(&parts)
        for index in parts.indices { states[index][keyPath: part] = parts[index] }
        return result
    }

    /// ln Σ exp of a row.
    private static func logSum(_ row: ArraySlice<Float>) -> Double {
        let maximum = Double(row.max() ?? 0)
        guard maximum.isFinite else { return maximum }
        return maximum + log(row.reduce(0) { $0 + exp(Double($1) - maximum) })
    }
}

extension Mixture: Sendable where First: Sendable, Second: Sendable {}

/// ln((1 − w)·exp(a) + w·exp(b)), without leaving logarithms: nothing is too small for it.
package struct LogMean {
    private let shares: (Double, Double)

    package init(weight: Double) { shares = (log1p(-weight), log(weight)) }

    package func callAsFunction(_ a: Double, _ b: Double) -> Double {
        let (x, y) = (shares.0 + a, shares.1 + b)
        let (high, low) = (max(x, y), min(x, y))
        return high == -.infinity ? high : high + log1p(exp(low - high))
    }
}
