import ChoroyModel
import ChoroyTensor
import ChoroyText
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `Mixture of two models` {
    private static let text = "the cat sat on the mat. no dog ate it, the dog sat.\n"
    private let vocabulary: NGramVocabulary
    private let first: NGramModel
    private let second: NGramModel

    init() {
        (vocabulary, first) = `Modified Kneser-Ney`.model(Self.text, unit: .character, order: 2)
        second = `Modified Kneser-Ney`.model(Self.text, unit: .character, order: 5).1
    }

    private func mixture(_ weight: Double) -> Mixture<NGramModel, NGramModel> {
        Mixture(first, second, weight: weight)
    }

    @Test(arguments: [0, 1e-6, 0.3, 0.5, 1]) func `probabilities sum to one`(_ weight: Double) {
        let model = mixture(weight)
        var states = [model.initialState(), model.initialState()]
        let tokens = [vocabulary.encode("the dog"), vocabulary.encode("xy")]
        let rows = model.logits(tokens, states: &states, at: .all)
        #expect(rows.shape == [9, model.vocabularySize])
        #expect(states.map(\.count) == [7, 2])
        for row in 0..<9 {
            let sum = rows.row(row).reduce(0.0) { $0 + exp(Double($1)) }
            // 257 probabilities, each rounded to 24 bits as a logarithm of up to 20.
            #expect(abs(sum - 1) < 2e-6)
        }
    }

    @Test func `with all of the weight on one model it is that model`() {
        let sequences = ["the cat", "dog ate", "zz"].map { vocabulary.encode($0) }
        for (weight, model) in [(0.0, first), (1.0, second)] {
            let mixture = mixture(weight)
            var mixed = sequences.map { _ in mixture.initialState() }
            var alone = sequences.map { _ in model.initialState() }
            #expect(
                mixture.logProbabilities(sequences, states: &mixed)
                    == model.logProbabilities(sequences, states: &alone))
            let next = sequences.map { _ in vocabulary.encode(" ") }
            let found = mixture.logits(next, states: &mixed, at: .last).values
            let expected = model.logits(next, states: &alone, at: .last).values
            // Probabilities of the n-gram sum to one, so its logits are their logarithms.
            for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-5) }
        }
    }

    @Test func `a token's probability is the mean of the two`() {
        let tokens = vocabulary.encode("the dog sat on")
        var states = [mixture(0.25).initialState()]
        let found = mixture(0.25).logProbabilities([tokens], states: &states)[0]
        let parts = zip(first.nats(tokens), second.nats(tokens))
        for (value, part) in zip(found, parts) {
            #expect(abs(exp(value) - (0.75 * exp(part.0) + 0.25 * exp(part.1))) < 1e-14)
        }
        // From logits, rounded to 24 bits each.
        var again = [mixture(0.25).initialState()]
        let rows = mixture(0.25).logits([tokens], states: &again, at: .all)
        for (index, value) in found.enumerated() {
            #expect(abs(Double(rows.row(index)[Int(tokens[index + 1])]) - value) < 1e-5)
        }
    }

    @Test func `truncating equals never having read`() {
        let model = mixture(0.4)
        let tokens = vocabulary.encode("the dog sat on")
        let next = vocabulary.encode("the ")
        var long = [model.initialState()]
        _ = model.logits([tokens], states: &long, at: .last)
        for count in (0...tokens.count).reversed() {
            long[0].truncate(to: count)
            #expect(long[0].count == count)
            var forked = long
            var fresh = [model.initialState()]
            if count > 0 {
                _ = model.logits([Array(tokens[..<count])], states: &fresh, at: .last)
            }
            #expect(
                model.logProbabilities([next], states: &forked)
                    == model.logProbabilities([next], states: &fresh))
        }
    }

    @Test func `nothing is too small for a mean in logarithms`() {
        let mean = LogMean(weight: 0.5)
        #expect(abs(mean(-2000, -2000) + 2000) < 1e-9)
        #expect(abs(mean(-2000, -3000) + 2000 + log(2)) < 1e-9)
        #expect(mean(-.infinity, -.infinity) == -.infinity)
        #expect(abs(mean(-.infinity, 0) + log(2)) < 1e-15)
        #expect(LogMean(weight: 0)(-3, 0) == -3)
        #expect(LogMean(weight: 1)(0, -3) == -3)
    }

    @Test func `models of different vocabularies are no mixture`() async {
        await #expect(processExitsWith: .failure) {
            let text = "ab\n"
            let bytes = `Modified Kneser-Ney`.model(text, unit: .byte, order: 1).1
            let others = `Modified Kneser-Ney`.model("äöü\n", unit: .character, order: 1).1
            _ = Mixture(bytes, others, weight: 0.5)
        }
    }
}

@Suite struct `Weight of a mixture` {
    private typealias Scores = [(first: Double, second: Double)]

    /// p(A) = 0.8 and 0.2; three of four tokens are A. The mixture's 0.8 − 0.6·w is 3/4 at w = 1/12.
    private static let coins: Scores =
        [
            (-log(0.8), -log(0.2)), (-log(0.8), -log(0.2)), (-log(0.8), -log(0.2)),
            (-log(0.2), -log(0.8)),
        ]

    private static func nats(_ weight: Double, _ scores: Scores) -> Double {
        scores.reduce(0) { $0 - log((1 - weight) * exp(-$1.first) + weight * exp(-$1.second)) }
    }

    @Test func `two coins have the weight that gives the text's own frequency`() {
        let fit = MixtureFit(Self.coins)
        #expect(abs(fit.weight - 1.0 / 12) < 1e-4)
    }

    @Test func `a step never makes the text less likely, and the end is the best of all`() {
        for seed in 1...20 {
            var state = UInt64(seed)
            func random() -> Double {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(state >> 11) / 0x1p53
            }
            let scores: Scores = (0..<50).map { _ in (6 * random(), 6 * random()) }
            var weight = 0.5
            for _ in 0..<200 {
                let next = MixtureFit.step(weight, scores)
                #expect(Self.nats(next, scores) <= Self.nats(weight, scores) + 1e-12)
                weight = next
            }
            let fit = MixtureFit(scores)
            let grid = (0...1000).map { Self.nats(Double($0) / 1000, scores) }.min() ?? 0
            #expect(Self.nats(fit.weight, scores) <= grid + 1e-3)
        }
    }

    @Test func `a model that is always better takes it all`() {
        let better: Scores = (1...20).map { (Double($0), Double($0) / 2) }
        #expect(MixtureFit(better).weight > 0.999)
        #expect(MixtureFit(better.map { (first: $0.second, second: $0.first) }).weight < 0.001)
    }

    @Test func `impossible tokens and no tokens at all are no trouble`() {
        #expect(MixtureFit(Scores()).weight == 0.5)
        #expect(MixtureFit([(first: Double.infinity, second: .infinity)]).weight == 0.5)
        #expect(MixtureFit([(first: .infinity, second: 2)]).weight > 0.999)
        #expect(MixtureFit([(first: 1, second: 5000)]).weight < 0.001)
    }
}

@Suite struct `Evaluation of a mixture` {
    private let vocabulary: NGramVocabulary
    private let models: (NGramModel, NGramModel)
    private let texts: [EvaluationText]

    init() {
        let training = String(repeating: "the cat sat on the mat. no dog ate it.\n", count: 3)
        (vocabulary, models.0) = `Modified Kneser-Ney`.model(training, unit: .character, order: 2)
        models.1 = `Modified Kneser-Ney`.model(training, unit: .character, order: 4).1
        let heldOut = String(repeating: "a dog sat on the cat, and that is it.\n", count: 80)
        texts = EvaluationText.texts([Array(heldOut.utf8)[...]], encoding: vocabulary)
    }

    private func both(_ texts: [EvaluationText]) -> MixtureEvaluation {
        MixtureEvaluation(
            models.0, models.1, on: texts, convention: .rolling(context: 64),
            startToken: vocabulary.endToken)
    }

    private func evaluation(_ model: some LanguageModel) -> Evaluation {
        Evaluation.evaluate(
            model, on: texts, convention: .rolling(context: 64), startToken: vocabulary.endToken)
    }

    @Test func `mixing what two models say is what the mixture says`() {
        let both = both(texts)
        #expect(both.first == evaluation(models.0))
        #expect(both.second == evaluation(models.1))
        let mixed = both.mixed(weight: 0.3)
        let model = evaluation(Mixture(models.0, models.1, weight: 0.3))
        #expect(mixed.tokens == model.tokens && mixed.bytes == model.bytes)
        #expect(abs(mixed.nats - model.nats) < 1e-9 * model.nats)
        #expect(abs(mixed.standardError - model.standardError) < 1e-9)
    }

    @Test func `each half is scored with the weight of the other`() {
        let both = both(texts)
        let crossed = both.crossFitted
        let middle = texts[0].tokens.count / 2
        let halves = [0..<middle, middle..<texts[0].tokens.count].map { range in
            (
                nats: zip(scores(models.0)[range], scores(models.1)[range]).map {
                    (first: $0, second: $1)
                }, range: range
            )
        }
        let fits = halves.map { MixtureFit($0.nats) }
        #expect(crossed.fits == [fits[1], fits[0]])
        var expected = 0.0
        for (half, fit) in zip(halves, crossed.fits) {
            let mean = LogMean(weight: fit.weight)
            expected -= half.nats.reduce(0) { $0 + mean(-$1.first, -$1.second) }
        }
        #expect(abs(crossed.evaluation.nats - expected) < 1e-9 * expected)
        // Looking at what is scored can only help.
        #expect(both.mixed(weight: both.fit.weight).nats <= crossed.evaluation.nats + 1e-6)
    }

    private func scores(_ model: NGramModel) -> [Double] {
        var scores: [Double] = []
        _ = Evaluation.evaluate(
            model, on: texts, convention: .rolling(context: 64), startToken: vocabulary.endToken
        ) { _ in
        } each: {
            scores.append($0.nats)
        }
        return scores
    }
}
