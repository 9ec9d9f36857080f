import ChoroyModel
import ChoroySystem
import ChoroyText
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `Figures of sentences` {
    /// Words that do not depend on each other: a 10^-0.25, b 10^-0.75, </s> 10^-0.5, others 10^-1.
    private static let arpa = """
        \\data\\
        ngram 1=5

        \\1-grams:
        -1\t<unk>
        -99\t<s>
        -0.5\t</s>
        -0.25\ta
        -0.75\tb

        \\end\\

        """

    private static func read() throws -> (NGramModel, NGramVocabulary) {
        try ARPAReader.read(Array(arpa.utf8), path: "toy.arpa") { _ in Tokenizer() }
    }

    private static func evaluation(_ text: String, joinsLines: Bool = false) throws -> Evaluation {
        let (model, vocabulary) = try Self.read()
        return Evaluation.evaluate(
            model,
            on: EvaluationText.texts(
                [Array(text.utf8)[...]], encoding: vocabulary, joinsLines: joinsLines),
            convention: .rolling(context: nil), startToken: vocabulary.endToken,
            unknownToken: vocabulary.unknownToken, endToken: vocabulary.endToken)
    }

    @Test func `ppl and ppl1 are SRILM's`() throws {
        // a b </s>, a z </s>: −0.25 − 0.75 − 0.5 − 0.25 − 1 − 0.5 = −3.25, of which z −1.
        let result = try Self.evaluation("a b\n a  z\n")
        #expect((result.tokens, result.sentences, result.unknownTokens) == (6, 2, 1))
        #expect(abs(result.perplexity - pow(10, 3.25 / 6)) < 1e-12)
        #expect(abs(result.perplexityOfKnown - pow(10, 2.25 / (4 - 1 + 2))) < 1e-12)
        #expect(abs(result.perplexityOfKnownWords - pow(10, 2.25 / (4 - 1))) < 1e-12)
        #expect(result.bytes == 10)
    }

    @Test func `an empty line is a sentence, and white space none`() throws {
        let result = try Self.evaluation("a\n\n \t b\n")
        #expect((result.tokens, result.sentences) == (5, 3))
        #expect(abs(result.nats / log(10) - 2.5) < 1e-12)
    }

    @Test(arguments: ["a b\na z\n", "a b\n\n a\tz", "  a b a z\r\n\n"])
    func `in document mode a document ends once`(_ text: String) throws {
        let result = try Self.evaluation(text, joinsLines: true)
        #expect((result.tokens, result.sentences, result.unknownTokens) == (5, 1, 1))
        #expect(result.bytes == text.utf8.count)
        #expect(abs(result.nats / log(10) - 2.75) < 1e-12)
    }

    @Test func `KenLM's figures are the same where 32 bits are enough`() throws {
        let figures = try Self.evaluation("a b\na z\n").kenLM
        #expect(figures.perplexityIncludingUnknown == pow(10, 3.25 / 6))
        #expect(figures.perplexityExcludingUnknown == pow(10, 2.25 / 5))
    }

    @Test(
        .enabled(if: Fixtures.shared("ngram/stories-valid.o3.query.txt") != nil, sharedDataIsAbsent)
    )
    func `perplexities of the stories are what KenLM's query prints, to the last digit`() throws {
        guard let arpa = Fixtures.shared("ngram/stories-train.o3.arpa"),
            let valid = Fixtures.shared("ngram/stories-valid.tok.txt")
        else { return }
        let (model, vocabulary) = try ARPAReader.read(FileBytes.read(arpa), path: arpa) { _ in
            Tokenizer()
        }
        let texts = EvaluationText.texts([try FileBytes.read(valid)[...]], encoding: vocabulary)
        let figures = Evaluation.evaluate(
            model, on: texts, convention: .rolling(context: nil), startToken: vocabulary.endToken,
            unknownToken: vocabulary.unknownToken, endToken: vocabulary.endToken
        ).kenLM
        #expect(figures.perplexityIncludingUnknown == 74.38213439163906)
        #expect(figures.perplexityExcludingUnknown == 43.54394484288718)
    }

    @Test func `a new word costs <unk> and its spelling`() throws {
        let training = Array("the cat sat\nthe mat sat\na hat\n".utf8)[...]
        let (vocabulary, ids) = NGramVocabulary.words(of: [training])
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        sequences.append(ids[0])
        let model = NGramEstimate(order: 2, sequences).model
        let spelling = WordSpelling(vocabulary)
        let text = Array("the  bat sat\n\tzq".utf8)[...]
        let spelled = Evaluation.evaluate(model, vocabulary, spelling: spelling, on: [text, text])
        let plain = Evaluation.evaluate(
            model, on: EvaluationText.texts([text, text], encoding: vocabulary),
            convention: .rolling(context: nil), startToken: vocabulary.endToken)
        let words = ["bat", "zq"].map { spelling.nats(of: Array($0.utf8)[...]) }
        #expect(abs(spelled.nats - plain.nats - 2 * words.reduce(0, +)) < 1e-9)
        #expect(spelled.bytes == 2 * text.count && spelled.unknownTokens == 4)
        // Letters as in the known words, in few of 8 bits each.
        #expect(words[0] / 4 < words[1] / 3)
    }

    @Test func `a spelling is a distribution over words`() {
        let (vocabulary, _) = NGramVocabulary.words(of: [Array("ab ba b\n".utf8)[...]])
        let spelling = WordSpelling(vocabulary)
        var sum = 0.0
        for a in UInt8.min...UInt8.max {
            sum += exp(-spelling.nats(of: [a]))
            for b in UInt8.min...UInt8.max { sum += exp(-spelling.nats(of: [a, b])) }
        }
        #expect(sum > 0.3 && sum < 1)
    }
}

@Suite struct `Difference of two evaluations` {
    private static func evaluation(_ text: EvaluationText, order: Int) -> Evaluation {
        let training = String(repeating: "the cat sat on the mat. no dog ate it.\n", count: 20)
        let (vocabulary, model) = `Modified Kneser-Ney`.model(
            training, unit: .byte, order: order)
        return Evaluation.evaluate(
            model, on: [text], convention: .rolling(context: nil), startToken: vocabulary.endToken)
    }

    private static func text(_ line: String, count: Int) -> EvaluationText {
        let bytes = Array(String(repeating: line, count: count).utf8)
        return EvaluationText.texts([bytes[...]], encoding: NGramVocabulary.bytes)[0]
    }

    @Test func `it is that of the bits, and surer than either`() throws {
        // Easy passages and hard ones, as both models find.
        let text = Self.text(
            String(repeating: "the cat sat on the mat.\n", count: 50)
                + String(repeating: "tho dot eat sit.\n", count: 60), count: 10)
        let (a, b) = (Self.evaluation(text, order: 2), Self.evaluation(text, order: 3))
        let excess = try #require(a.excess(over: b))
        #expect(abs(excess.bitsPerByte - (a.bitsPerByte - b.bitsPerByte)) < 1e-12)
        #expect(excess.standardError < a.standardError)
        let none = try #require(a.excess(over: a))
        #expect(none.bitsPerByte == 0 && none.standardError == 0)
    }

    @Test func `there is none between texts of other sizes, or for one block`() {
        let short = Self.text("the cat sat.\n", count: 20)
        let long = Self.text("the cat sat.\n", count: 400)
        let (a, b) = (Self.evaluation(short, order: 2), Self.evaluation(long, order: 2))
        #expect(a.excess(over: b) == nil && b.excess(over: a) == nil && a.excess(over: a) == nil)
    }
}
