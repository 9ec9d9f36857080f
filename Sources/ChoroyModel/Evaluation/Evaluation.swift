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
    private var blocks = Blocks()

    public var bitsPerByte: Double { nats / (M_LN2 * Double(bytes)) }

    /// Of one token.
    public var perplexity: Double { exp(nats / Double(tokens)) }

    /// Of one token, `<unk>` neither counted nor scored.
    public var perplexityOfKnown: Double {
        exp((nats - unknownNats) / Double(tokens - unknownTokens))
    }

    /// The standard error of bits per byte; nan when the text is shorter than two blocks.
    ///
    /// Blocks of about 1,000 bytes in a row are taken for a random sample; bits per byte is the ratio
    /// of two sums R = Σy / Σx over n blocks, with variance n / (n − 1) · Σ(y − R·x)² / (Σx)².
    /// Source: Cochran 1977, "Sampling Techniques", chapter 6.
    public var standardError: Double { blocks.standardError / M_LN2 }

    /// Scores `texts`, each from the start, under a convention.
    ///
    /// - Parameters:
    ///   - startToken: the model's mark for the start of a text, after which the first token of a text
    ///     is scored; without one it is not scored. `llamaCpp` and `sliding` never score it.
    ///   - unknownToken: the token whose scores are summed apart.
    ///   - batchSize: windows that the model reads at once.
    ///   - progress: called now and then with the tokens scored so far.
    /// - Precondition: contexts and strides are positive, a stride is at most its context.
    public static func evaluate<Model: LanguageModel>(
        _ model: Model, on texts: [EvaluationText], convention: EvaluationConvention,
        startToken: TokenID?, unknownToken: TokenID? = nil, batchSize: Int = 8,
        progress: (Int) -> Void = { _ in }
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
        var result = Evaluation(convention: convention, scoresFirstToken: start != nil)
        let sequences = texts.map { text in (start.map { [$0] } ?? []) + text.tokens }
        let windows = sequences.indices.flatMap { text in
            convention.windows(count: sequences[text].count).map { (text: text, place: $0) }
        }
        for first in stride(from: 0, to: windows.count, by: batchSize) {
            let batch = windows[first..<min(first + batchSize, windows.count)]
            let pieces = batch.map { sequences[$0.text][$0.place.tokens] }
            let scores = scores(of: pieces, model) { progress(result.tokens + $0) }
            for (window, scores) in zip(batch, scores) {
                for index in window.place.scored {
                    result.add(
                        -scores[index - window.place.tokens.lowerBound - 1],
                        bytes: texts[window.text].byteCounts[index - (start == nil ? 0 : 1)],
                        isUnknown: sequences[window.text][index] == unknownToken)
                }
            }
        }
        return result
    }

    private init(convention: EvaluationConvention, scoresFirstToken: Bool) {
        self.convention = convention
        self.scoresFirstToken = scoresFirstToken
    }

    private mutating func add(_ nats: Double, bytes: Int, isUnknown: Bool) {
        tokens += 1
        self.bytes += bytes
        self.nats += nats
        if isUnknown {
            unknownTokens += 1
            unknownNats += nats
        }
        blocks.add(nats, bytes: bytes)
    }

    /// Natural logarithms for each window's tokens but the first, each window read from the start in
    /// pieces.
    private static func scores<Model: LanguageModel>(
        of windows: [ArraySlice<TokenID>], _ model: Model, _ progress: (Int) -> Void
    ) -> [[Double]] {
        let piece = model.scoredAtOnce
        var states = windows.map { _ in model.initialState() }
        var scores: [[Double]] = windows.map { _ in [] }
        let longest = windows.map(\.count).max() ?? 0
        for first in stride(from: 0, to: longest - 1, by: piece) {
            let pieces = windows.map { Array($0.dropFirst(first).prefix(piece + 1)) }
            for (index, more) in model.logProbabilities(pieces, states: &states).enumerated() {
                scores[index] += more
            }
            progress(scores.reduce(0) { $0 + $1.count })
        }
        return scores
    }
}

/// Sums over blocks of about 1,000 bytes in a row.
private struct Blocks: Sendable, Equatable {
    private static let size = 1000
    private var sums: [(nats: Double, bytes: Int)] = []

    mutating func add(_ nats: Double, bytes: Int) {
        if sums.isEmpty || sums[sums.count - 1].bytes >= Self.size { sums.append((0, 0)) }
        sums[sums.count - 1].nats += nats
        sums[sums.count - 1].bytes += bytes
    }

    /// Of the nats per byte. A last block that is not full counts with the one before it.
    var standardError: Double {
        var sums = sums
        if sums.count > 1, sums[sums.count - 1].bytes < Self.size {
            let last = sums.removeLast()
            sums[sums.count - 1].nats += last.nats
            sums[sums.count - 1].bytes += last.bytes
        }
        let n = Double(sums.count)
        guard n >= 2 else { return .nan }
        let bytes = Double(sums.reduce(0) { $0 + $1.bytes })
        let ratio = sums.reduce(0) { $0 + $1.nats } / bytes
        let squares = sums.reduce(0.0) { sum, block in
            let residual = block.nats - ratio * Double(block.bytes)
            return sum + residual * residual
        }
        return (n / (n - 1) * squares).squareRoot() / bytes
    }

    static func == (a: Blocks, b: Blocks) -> Bool {
        a.sums.elementsEqual(b.sums) { $0.nats == $1.nats && $0.bytes == $1.bytes }
    }
}
