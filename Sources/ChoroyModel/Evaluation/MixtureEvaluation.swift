public import ChoroyText

/// How well two models of one vocabulary predict a text, each alone and mixed.
public struct MixtureEvaluation: Sendable {
    public let first: Evaluation
    public let second: Evaluation
    /// Each token with what it costs the first model, and what it costs the second.
    private let tokens: [ScoredToken]
    private let secondNats: [Double]

    /// Scores `texts` with both, as `Evaluation.evaluate` does; `progress` counts tokens of both.
    public init<First: LanguageModel, Second: LanguageModel>(
        _ first: First, _ second: Second, on texts: [EvaluationText],
        convention: EvaluationConvention, startToken: TokenID?, unknownToken: TokenID? = nil,
        endToken: TokenID? = nil, progress: (Int) -> Void = { _ in }
    ) {
        var tokens: [ScoredToken] = []
        var nats: [Double] = []
        self.first = Evaluation.evaluate(
            first, on: texts, convention: convention, startToken: startToken,
            unknownToken: unknownToken, endToken: endToken, progress: progress
        ) { tokens.append($0) }
        self.second = Evaluation.evaluate(
            second, on: texts, convention: convention, startToken: startToken,
            unknownToken: unknownToken, endToken: endToken,
            progress: { progress(tokens.count + $0) }
        ) { nats.append($0.nats) }
        self.tokens = tokens
        secondNats = nats
    }

    /// The weight that suits the text best. What it then costs is too little, for it was looked at.
    public var fit: MixtureFit { fit(tokens.indices) }

    private func fit(_ range: Range<Int>) -> MixtureFit {
        MixtureFit(range.map { (first: tokens[$0].nats, second: secondNats[$0]) })
    }

    /// What the text costs the mixture with this share of the second model.
    public func mixed(weight: Double) -> Evaluation { mixed([(tokens.indices, weight)]) }

    /// What the text costs the mixture when each half is scored with the weight that suits the other half, so that no
    /// token has a say in its own score; and the two weights.
    public var crossFitted: (evaluation: Evaluation, fits: [MixtureFit]) {
        let middle = tokens.count / 2
        let halves = [0..<middle, middle..<tokens.count]
        let fits = halves.reversed().map { fit($0) }
        return (mixed(zip(halves, fits).map { ($0, $1.weight) }), fits)
    }

    private func mixed(_ parts: [(range: Range<Int>, weight: Double)]) -> Evaluation {
        var result = Evaluation(
            convention: first.convention, scoresFirstToken: first.scoresFirstToken)
        for (range, weight) in parts {
            let mean = LogMean(weight: weight)
            for index in range {
                result.add(tokens[index].costing(-mean(-tokens[index].nats, -secondNats[index])))
            }
        }
        return result
    }
}

extension ScoredToken {
    /// The token with other costs.
    func costing(_ nats: Double) -> ScoredToken {
        ScoredToken(
            text: text, place: place, nats: nats, bytes: bytes, isUnknown: isUnknown, isEnd: isEnd)
    }
}
