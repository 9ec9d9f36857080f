public import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How well a model predicts a text.
///
///     bits per byte = Σ nats / (ln 2 · Σ bytes)      perplexity = exp(Σ nats / tokens)
///
/// over the scored tokens. Bits per byte can be compared between models with different vocabularies.
public struct Evaluation: Sendable, Equatable {
    public let convention: EvaluationConvention
    /// Whether a document's first token was scored, after the model's mark for the start of a text.
    public let scoresFirstToken: Bool
    /// Scored tokens, the bytes they stand for, and the sum of -ln of their probabilities.
    public private(set) var tokens = 0
    public private(set) var bytes = 0
    public private(set) var nats = 0.0
    /// How many of the tokens are `<unk>`, and their share of the nats.
    public private(set) var unknownTokens = 0
    public private(set) var unknownNats = 0.0
    /// How many of the tokens end a sentence.
    public private(set) var sentences = 0
    /// What KenLM would say.
    public private(set) var kenLM = KenLMFigures()
    private var blocks = ByteBlocks()

    public var bitsPerByte: Double { nats / (M_LN2 * Double(bytes)) }

    /// Of one token: KenLM's "perplexity including OOVs".
    public var perplexity: Double { exp(nats / Double(tokens)) }

    /// Of one token, `<unk>` neither counted nor scored: KenLM's "excluding OOVs", SRILM's `ppl`.
    ///
    ///     ppl = 10^(−logprob / (words − OOVs + sentences))
    public var perplexityOfKnown: Double {
        exp((nats - unknownNats) / Double(tokens - unknownTokens))
    }

    /// Of one known word, ends of sentences scored but not counted: SRILM's `ppl1`.
    ///
    ///     ppl1 = 10^(−logprob / (words − OOVs))
    public var perplexityOfKnownWords: Double {
        exp((nats - unknownNats) / Double(tokens - unknownTokens - sentences))
    }

    /// The standard error of bits per byte; nan when the text is shorter than two blocks.
    ///
    /// Blocks of 1,000 bytes in a row are taken for a random sample; bits per byte is the ratio
    /// of two sums R = Σy / Σx over n blocks, with variance n / (n − 1) · Σ(y − R·x)² / (Σx)².
    /// Source: Cochran 1977, "Sampling Techniques", chapter 6.
    public var standardError: Double { blocks.standardError / M_LN2 }

    /// How many bits a byte of the same text costs more than in `other`, with the standard error of that difference:
    /// block by block, so that what makes a passage hard for both does not count. Tokens may differ.
    ///
    /// Nil when the two are not about the same text, and for a text shorter than two blocks.
    public func excess(over other: Evaluation) -> (bitsPerByte: Double, standardError: Double)? {
        guard let difference = blocks.minus(other.blocks) else { return nil }
        let error = difference.standardError / M_LN2
        return error.isNaN ? nil : (bitsPerByte - other.bitsPerByte, error)
    }

    /// Scores `texts`, each from the start, under a convention.
    ///
    /// - Parameters:
    ///   - startToken: the model's mark for the start of a text, after which the first token of a text
    ///     is scored; without one it is not scored. `llamaCpp` and `sliding` never score it.
    ///   - unknownToken: the token whose scores are summed apart.
    ///   - endToken: the token that ends a sentence within a text.
    ///   - batchSize: windows that the model reads at once.
    ///   - progress: called now and then with the tokens scored so far.
    ///   - each: called with each token that is scored.
    /// - Precondition: contexts and strides are positive, a stride is at most its context.
    public static func evaluate<Model: LanguageModel>(
        _ model: Model, on texts: [EvaluationText], convention: EvaluationConvention,
        startToken: TokenID?, unknownToken: TokenID? = nil, endToken: TokenID? = nil,
        batchSize: Int = 8, progress: (Int) -> Void = { _ in },
        each: (ScoredToken) -> Void = { _ in }
    ) -> Evaluation {
        var isRolling = false
        switch convention {
        case .rolling(let context):
            precondition(context ?? 1 > 0, "evaluate: context \(context ?? 0)")
            isRolling = true
        case .llamaCpp(let context): precondition(context > 1, "evaluate: context \(context)")
        case .sliding(let context, let stride):
            precondition(
                stride > 0 && stride <= context, "evaluate: context \(context), stride \(stride)")
        }
        let start = isRolling ? startToken : nil
        let marks = start == nil ? 0 : 1
        var result = Evaluation(convention: convention, scoresFirstToken: start != nil)
        let windows = texts.indices.flatMap { text in
            convention.windows(count: texts[text].tokens.count + marks).map {
                (text: text, place: $0)
            }
        }
        for first in stride(from: 0, to: windows.count, by: batchSize) {
            let batch = Array(windows[first..<min(first + batchSize, windows.count)])
            let done = result.tokens
            // The token that the next score is of.
            var indices = batch.map { $0.place.tokens.lowerBound + 1 }
            score(
                batch.map { texts[$0.text].tokens(at: $0.place.tokens, after: start) }, model,
                progress: { progress(done + $0) }
            ) { window, scores in
                let (text, place) = batch[window]
                for score in scores {
                    let index = indices[window]
                    indices[window] += 1
                    guard place.scored.contains(index) else { continue }
                    let token = texts[text].tokens[index - marks]
                    let scored = ScoredToken(
                        text: text, place: index - marks, nats: -score,
                        bytes: texts[text].byteCounts[index - marks],
                        isUnknown: token == unknownToken, isEnd: token == endToken)
                    result.add(scored)
                    each(scored)
                }
            }
        }
        return result
    }

    /// Of no tokens yet.
    init(convention: EvaluationConvention, scoresFirstToken: Bool) {
        self.convention = convention
        self.scoresFirstToken = scoresFirstToken
    }

    /// Counts one more token, the next of the text.
    mutating func add(_ token: ScoredToken) {
        tokens += 1
        bytes += token.bytes
        nats += token.nats
        if token.isUnknown {
            unknownTokens += 1
            unknownNats += token.nats
        }
        sentences += token.isEnd ? 1 : 0
        kenLM.add(token)
        blocks.add(token.nats, bytes: token.bytes)
    }

    /// Natural logarithms for each window's tokens but the first, each window read from the start in pieces; `body` gets
    /// them window after window.
    private static func score<Model: LanguageModel>(
        _ windows: [WindowTokens], _ model: Model, progress: (Int) -> Void,
        _ body: (_ window: Int, _ scores: [Double]) -> Void
    ) {
        let piece = model.scoredAtOnce
        var states = windows.map { _ in model.initialState() }
        // Scores that wait for those of earlier windows.
        var waiting: [[Double]] = windows.map { _ in [] }
        var (first, read) = (0, 0)
        let longest = windows.map(\.count).max() ?? 0
        for start in stride(from: 0, to: longest - 1, by: piece) {
            let scores = model.logProbabilities(
                windows.map { $0.prefix(piece + 1, from: start) }, states: &states)
            for (window, more) in scores.enumerated() {
                read += more.count
                if window == first { body(window, more) } else { waiting[window] += more }
            }
            while first < windows.count, start + piece >= windows[first].count - 1 {
                first += 1
                guard first < windows.count else { break }
                body(first, waiting[first])
                waiting[first] = []
            }
            progress(read)
        }
    }
}

/// A token of a text and what it costs a model.
public struct ScoredToken: Sendable, Equatable {
    /// Which of the texts, and which of its tokens.
    public let text: Int
    public let place: Int
    /// −ln of its probability.
    public let nats: Double
    /// What it stands for in the text.
    public let bytes: Int
    public let isUnknown: Bool
    /// Whether it ends a sentence.
    public let isEnd: Bool
}
