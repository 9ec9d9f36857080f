import ChoroySystem
import ChoroyTensor
import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How near a changed model's predictions are to the original's, over a text that both read.
public struct ModelComparison: Sendable {
    /// Predictions compared, and the bytes of the tokens that they were for.
    public private(set) var tokens = 0
    public private(set) var bytes = 0
    /// Sums of −ln of the probabilities of the text's tokens: original, changed.
    public private(set) var nats = (original: 0.0, changed: 0.0)
    /// Predictions whose likeliest token is the same.
    public private(set) var agreements = 0
    /// Σ_v p(v) ln(p(v) / q(v)) of each prediction in nats, p the original's; ascending.
    public private(set) var divergences: [Double] = []

    public var bitsPerByte: (original: Double, changed: Double) {
        let scale = 1 / (M_LN2 * Double(bytes))
        return (nats.original * scale, nats.changed * scale)
    }

    /// Share of predictions with the same likeliest token.
    public var agreement: Double { Double(agreements) / Double(tokens) }

    /// The Kullback–Leibler divergence of a prediction, in nats.
    public var meanDivergence: Double { divergences.reduce(0, +) / Double(tokens) }

    /// The divergence that this share of the predictions does not exceed.
    public func divergence(share: Double) -> Double {
        guard let last = divergences.last else { return 0 }
        let index = Int((share * Double(divergences.count)).rounded(.up)) - 1
        return divergences.indices.contains(index) ? divergences[index] : last
    }

    /// Reads `texts` with both models, in windows of `context` tokens of which each keeps half of the
    /// one before it.
    ///
    /// - Precondition: the vocabularies are of one size; a window's context is at least 2.
    public init<Model: LanguageModel>(
        _ original: Model, _ changed: Model, on texts: [EvaluationText], context: Int,
        progress: (Int) -> Void = { _ in }
    ) {
        precondition(
            original.vocabularySize == changed.vocabularySize && context > 1,
            "compare: \(original.vocabularySize) and \(changed.vocabularySize) tokens, "
                + "context \(context)")
        let convention = EvaluationConvention.rolling(context: context)
        // No more than 16 MB of logits of each model at a time.
        let piece = max(1, (1 << 22) / max(1, original.vocabularySize))
        for text in texts {
            for window in convention.windows(count: text.tokens.count) {
                var states = (original.initialState(), changed.initialState())
                let last = window.tokens.upperBound - 1
                for first in stride(from: window.tokens.lowerBound, to: last, by: piece) {
                    let read = first..<min(last, first + piece)
                    compare(
                        original, changed, text, read, scored: window.scored, &states.0, &states.1)
                    progress(tokens)
                }
            }
        }
        divergences.sort()
    }

    /// Reads the tokens `read` and compares what follows those whose successors are in `scored`.
    private mutating func compare<Model: LanguageModel>(
        _ original: Model, _ changed: Model, _ text: EvaluationText, _ read: Range<Int>,
        scored: Range<Int>, _ originalState: inout Model.State, _ changedState: inout Model.State
    ) {
        func logits(_ model: Model, _ state: inout Model.State) -> [Float] {
            var states = [state]
            let rows = model.logits([Array(text.tokens[read])], states: &states, at: .all)
            state = states[0]
            return rows.values
        }
        let p = logits(original, &originalState)
        let q = logits(changed, &changedState)
        let size = original.vocabularySize
        let places = read.filter { scored.contains($0 + 1) }
        var found = [Prediction?](repeating: nil, count: places.count)
        unsafe found.withUnsafeMutableBufferPointer { found in
            ThreadPool.shared.run(places.count) { index in
                let row = (places[index] - read.lowerBound) * size
                unsafe found[index] = Prediction(
                    p[row..<row + size], q[row..<row + size],
                    target: Int(text.tokens[places[index] + 1]))
            }
        }
        for (place, prediction) in zip(places, found) {
            guard let prediction else { continue }
            tokens += 1
            bytes += text.byteCounts[place + 1]
            nats.original += prediction.nats.0
            nats.changed += prediction.nats.1
            agreements += prediction.agrees ? 1 : 0
            divergences.append(prediction.divergence)
        }
    }
}

/// One row of logits of each model.
private struct Prediction {
    let nats: (Double, Double)
    let agrees: Bool
    let divergence: Double

    init(_ p: ArraySlice<Float>, _ q: ArraySlice<Float>, target: Int) {
        let (a, b) = (Softmax(p), Softmax(q))
        var sum = 0.0
        for (x, y) in zip(p, q) {
            let (log1, log2) = (Double(x) - a.logSum, Double(y) - b.logSum)
            sum += exp(log1) * (log1 - log2)
        }
        nats = (
            a.logSum - Double(p[p.startIndex + target]), b.logSum - Double(q[q.startIndex + target])
        )
        agrees = a.likeliest - p.startIndex == b.likeliest - q.startIndex
        // Rounding can leave a little less than nothing.
        divergence = max(0, sum)
    }

    private struct Softmax {
        let likeliest: Int
        let logSum: Double

        init(_ logits: ArraySlice<Float>) {
            var best = logits.startIndex
            for index in logits.indices where logits[index] > logits[best] { best = index }
            likeliest = best
            let peak = Double(logits[best])
            var sum = 0.0
            for logit in logits { sum += exp(Double(logit) - peak) }
            logSum = peak + log(sum)
        }
    }
}
