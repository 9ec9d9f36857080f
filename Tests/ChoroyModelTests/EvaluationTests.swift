import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct Evaluations {
    @Test func `a uniform model has log2(V) bits a token`() {
        let text = EvaluationText(
            tokens: (0..<5000).map { $0 % 8 }, byteCounts: [Int](repeating: 2, count: 5000))
        let result = Evaluation.evaluate(
            Uniform(), on: [text], convention: .rolling(context: 64), startToken: 0)
        #expect(result.tokens == 5000 && result.bytes == 10_000)
        #expect(abs(result.bitsPerByte - 1.5) < 1e-12)
        #expect(abs(result.perplexity - 8) < 1e-10)
        #expect(result.standardError < 1e-12)
        #expect(result.scoresFirstToken)
    }

    @Test(arguments: [
        // convention, start mark, tokens scored, of 100
        (EvaluationConvention.rolling(context: nil), true, 100),
        (.rolling(context: nil), false, 99), (.rolling(context: 16), true, 100),
        (.rolling(context: 1), false, 99), (.rolling(context: 7), false, 99),
        (.llamaCpp(context: 16), false, 6 * 7), (.llamaCpp(context: 17), true, 5 * 8),
        (.sliding(context: 16, stride: 4), true, 99),
        (.sliding(context: 16, stride: 16), false, 93),
        (.sliding(context: 200, stride: 1), false, 99),
    ])
    func `a convention scores its tokens`(
        _ convention: EvaluationConvention, _ hasStart: Bool, _ count: Int
    ) {
        let text = EvaluationText(
            tokens: (0..<100).map { $0 % 8 }, byteCounts: [Int](repeating: 1, count: 100))
        let result = Evaluation.evaluate(
            Uniform(), on: [text], convention: convention, startToken: hasStart ? 0 : nil)
        #expect(result.tokens == count)
        #expect(result.bytes == count)
    }

    @Test func `llama.cpp scores 255 of 512`() {
        let text = EvaluationText(
            tokens: [TokenID](repeating: 1, count: 1500),
            byteCounts: [Int](repeating: 1, count: 1500))
        let result = Evaluation.evaluate(
            Uniform(), on: [text], convention: .llamaCpp(context: 512), startToken: nil)
        #expect(result.tokens == 2 * 255)
    }

    @Test func `windows do not matter to a model that looks back less than half of one`() {
        let text = String(repeating: "the cat sat on the mat. no dog ate it.\n", count: 40)
        let (vocabulary, model) = `Modified Kneser-Ney`.model(text, unit: .character, order: 4)
        let document = EvaluationText.texts([Array(text.utf8)[...]], encoding: vocabulary)[0]
        let results = [nil, 8, 9, 50, 5000].map { context in
            Evaluation.evaluate(
                model, on: [document, document], convention: .rolling(context: context),
                startToken: vocabulary.endToken)
        }
        for result in results {
            #expect(result.tokens == 2 * text.utf8.count)
            #expect(abs(result.nats - results[0].nats) < 1e-8)
        }
    }

    @Test func `the standard error is that of a ratio of two sums`() {
        // Blocks of 1,000 bytes with 1,000·ln 8 and 500·ln 8 nats: y = ±250·ln 8 about the mean.
        let sizes = [Int](repeating: 1, count: 1000) + [Int](repeating: 2, count: 500)
        let text = EvaluationText(tokens: [TokenID](repeating: 1, count: 1500), byteCounts: sizes)
        let result = Evaluation.evaluate(
            Uniform(), on: [text], convention: .rolling(context: nil), startToken: 0)
        let expected = (2.0 * 2 * 250 * 250).squareRoot() * 3 / 2000
        #expect(abs(result.standardError - expected) < 1e-12)
        let short = EvaluationText(tokens: [1, 1], byteCounts: [1, 1])
        let one = Evaluation.evaluate(
            Uniform(), on: [short], convention: .rolling(context: nil), startToken: 0)
        #expect(one.standardError.isNaN)
    }

    @Test func `a text too short for a token to be scored gives none`() {
        let text = EvaluationText(tokens: [1], byteCounts: [1])
        for convention in [
            EvaluationConvention.rolling(context: 8), .sliding(context: 4, stride: 2),
        ] {
            let result = Evaluation.evaluate(
                Uniform(), on: [text], convention: convention, startToken: nil)
            #expect(result.tokens == 0)
        }
    }

    @Test func `the bytes of words and line ends add up to the text`() {
        let bytes = Array("  a b \r\n\n<s> zz  \nlast one ".utf8)
        let (vocabulary, _) = NGramVocabulary.words(of: [bytes[...]])
        let text = EvaluationText.texts([bytes[...]], encoding: vocabulary)[0]
        #expect(text.tokens == [2, 3, 1, 1, 4, 1, 5, 6, 1])
        #expect(text.byteCounts.reduce(0, +) == bytes.count)
    }

    @Test(
        .enabled(
            if: Fixtures.shared("ngram/reference-perplexities.json") != nil, sharedDataIsAbsent),
        arguments: [2, 3, 5])
    func `perplexities of the stories are KenLM's`(_ order: Int) throws {
        guard let path = Fixtures.shared("ngram/reference-perplexities.json"),
            let train = Fixtures.shared("ngram/stories-train.tok.txt"),
            let valid = Fixtures.shared("ngram/stories-valid.tok.txt")
        else { return }
        let golden = try JSONReader.parse(FileBytes.read(path), path: path)
        let name =
            "stories: train stories-train.tok.txt, score stories-valid.tok.txt, order \(order)"
        let expected = try #require(golden["results"]?[name])
        let text = String(decoding: try FileBytes.read(train), as: UTF8.self)
        let (vocabulary, estimate) = `Modified Kneser-Ney`.words(text, order: order)
        let document = EvaluationText.texts(
            [try FileBytes.read(valid)[...]], encoding: vocabulary)[0]
        let result = Evaluation.evaluate(
            estimate.model, on: [document], convention: .rolling(context: nil),
            startToken: vocabulary.endToken, unknownToken: vocabulary.unknownToken)
        #expect(result.tokens == expected["tokens"]?.integer)
        #expect(result.unknownTokens == expected["oovs"]?.integer)
        // The file has four decimals.
        let including = try #require(expected["ppl_including_oov"]?.double)
        let excluding = try #require(expected["ppl_excluding_oov"]?.double)
        #expect(abs(result.perplexity - including) < 1e-3)
        #expect(abs(result.perplexityOfKnown - excluding) < 1e-3)
    }

    @Test(
        .enabled(if: Fixtures.shared("ngram/stories-valid.o3.query.txt") != nil, sharedDataIsAbsent)
    )
    func `every word of the stories scores as KenLM's query says`() throws {
        guard let arpa = Fixtures.shared("ngram/stories-train.o3.arpa"),
            let query = Fixtures.shared("ngram/stories-valid.o3.query.txt"),
            let valid = Fixtures.shared("ngram/stories-valid.tok.txt")
        else { return }
        let (model, vocabulary) = try ARPAReader.read(FileBytes.read(arpa), path: arpa) { _ in
            Tokenizer()
        }
        var expected: [Double] = []
        let output = String(decoding: try FileBytes.read(query), as: UTF8.self)
        for line in output.split(separator: "\n") where line.contains("Total: ") {
            for word in line.split(separator: "\t") where !word.hasPrefix("Total") {
                let fields = word.split(separator: " ")
                if fields.count == 3, let value = Double(fields[2]) { expected.append(value) }
            }
        }
        let tokens = vocabulary.encode(try FileBytes.read(valid))
        let scores = model.nats([1] + tokens).map { $0 / log(10) }
        #expect(scores.count == 15116 && expected.count == 15116)
        for (a, b) in zip(scores, expected) { #expect(abs(a - b) < 1e-5) }
    }
}

/// Eight tokens, each as probable as any other.
private struct Uniform: LanguageModel {
    struct State: SequenceState {
        var count = 0
        mutating func truncate(to count: Int) { self.count = count }
    }
    let vocabularySize = 8
    func initialState() -> State { State() }
    func logits(_ tokens: [[TokenID]], states: inout [State], at positions: Positions) -> Tensor {
        for index in tokens.indices { states[index].count += tokens[index].count }
        let rows = positions == .last ? tokens.count : tokens.reduce(0) { $0 + $1.count }
        return Tensor([Float](repeating: 0.5, count: rows * 8), shape: [rows, 8])
    }
}
