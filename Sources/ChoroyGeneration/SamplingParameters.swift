/// How the next token is drawn from the model's logits.
///
/// The steps come in llama.cpp's order: repetition penalty, top-k, top-p, min-p, temperature. So
/// top-p and min-p look at the probabilities before the temperature changes them.
public struct SamplingParameters: Sendable, Equatable {
    /// Divides the logits; 0 always takes the likeliest token, and of equals the one with the
    /// smallest id.
    public var temperature: Double = 0.8

    /// Only the `topK` likeliest tokens stay; 0 keeps all.
    ///
    /// Source: Fan, Lewis & Dauphin 2018, section 5.1, https://arxiv.org/abs/1805.04833
    public var topK: Int = 40

    /// Only the likeliest tokens that together reach this probability stay; 1 keeps all.
    ///
    /// Source: Holtzman et al. 2020, section 3.1, https://arxiv.org/abs/1904.09751
    public var topP: Double = 0.95

    /// Only tokens at least this probable, relative to the likeliest one, stay; 0 keeps all.
    ///
    /// Source: Nguyen et al. 2024, https://arxiv.org/abs/2407.01082
    public var minP: Double = 0.05

    /// The logits of tokens seen lately are divided by this when positive and multiplied by it when
    /// negative; 1 changes nothing.
    ///
    /// Source: Keskar et al. 2019, section 4.1, https://arxiv.org/abs/1909.05858
    public var repeatPenalty: Double = 1

    /// How many of the last tokens the repetition penalty looks at.
    public var repeatWindow: Int = 64

    /// Where the random numbers start: the same seed, model and prompt give the same text.
    public var seed: UInt64 = 0

    public init() {}

    /// Always the likeliest token.
    public static var greedy: SamplingParameters {
        var parameters = SamplingParameters()
        parameters.temperature = 0
        return parameters
    }

    /// - Throws: `SamplingError` for the first value that is not a number or is out of its range.
    public func validate() throws(SamplingError) {
        try check("temperature", temperature, 0...1e6)
        try check("top-p", topP, Double.leastNonzeroMagnitude...1, saying: "above 0 and at most 1")
        try check("min-p", minP, 0...1)
        try check("repeat-penalty", repeatPenalty, 0.01...100)
        try check("top-k", topK, from: 0)
        try check("repeat-window", repeatWindow, from: 0)
    }

    private func check(
        _ name: String, _ value: Double, _ range: ClosedRange<Double>, saying words: String? = nil
    ) throws(SamplingError) {
        guard range.contains(value) else {
            let words = words ?? "from \(range.lowerBound) to \(range.upperBound)"
            throw SamplingError.parameter(
                name, expected: "a number \(words)", found: "\(value)")
        }
    }

    private func check(_ name: String, _ value: Int, from least: Int) throws(SamplingError) {
        guard value >= least else {
            throw SamplingError.parameter(
                name, expected: "a whole number from \(least)", found: "\(value)")
        }
    }
}

/// Why no token can be drawn.
public enum SamplingError: Error, Equatable, CustomStringConvertible {
    case parameter(String, expected: String, found: String)
    /// The logit of `token` is not a number or infinite.
    case logit(Float, token: Int, vocabularySize: Int)
    /// Every token is impossible, or there is none.
    case noTokenPossible(vocabularySize: Int)

    public var description: String {
        switch self {
        case .parameter(let name, let expected, let found):
            "\(name): expected \(expected), found \(found)"
        case .logit(let value, let token, let size):
            "logits: expected finite numbers, found \(value) for token \(token) of \(size)"
        case .noTokenPossible(let size):
            "logits: expected a token that is possible, found none among \(size)"
        }
    }
}
