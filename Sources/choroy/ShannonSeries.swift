import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A text approximated as Shannon did it: letters alike, letters as often as in the text, in pairs, …, then words.
///
/// The model of order n knows n letters or words in a row. Source: Shannon 1948, "A Mathematical Theory of
/// Communication", section 3.
struct ShannonSeries {
    struct Approximation {
        let unit: NGramVocabulary.Unit
        let order: Int
        /// Of a character, or of a word and the white space before it, in what is held out.
        let bits: Double
        /// Share of the words held out that the text before has not; nil for characters.
        let unknown: Double?
        let sample: String
    }

    /// What is learned from, and what is held out.
    let training: ArraySlice<UInt8>
    let heldOut: ArraySlice<UInt8>
    /// Characters of a sample.
    let length: Int
    let seed: UInt64

    /// The last tenth of `text` is held out, from a space on if there is one.
    init(_ text: [UInt8], length: Int, seed: UInt64) {
        let tail = text.indices.suffix(text.count / 10)
        let cut =
            tail.first { text[$0] == 32 || text[$0] == 10 }
            ?? tail.first { text[$0] & 0xC0 != 0x80 } ?? text.count
        training = text[..<cut]
        heldOut = text[cut...]
        self.length = length
        self.seed = seed
    }

    /// The 27 symbols of 1948: capital letters, and one space for all that is between words.
    static func folded(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in text {
            switch byte {
            case 0x61...0x7A: result.append(byte - 32)
            case 0x41...0x5A: result.append(byte)
            // "DON'T" is one word, and letters of other alphabets are none.
            case 0x27, 0x80...0xFF: continue
            default: if result.last != 32 { result.append(32) }
            }
        }
        return result
    }

    /// Characters of a text in UTF-8; other bytes count as one.
    static func characters(_ text: ArraySlice<UInt8>) -> Int { text.count { $0 & 0xC0 != 0x80 } }

    /// Calls `body` with each approximation as it is there: letters of order 0 to `letters`, words of order 1 to
    /// `words`.
    func forEach(
        letters: Int, words: Int, _ body: (Approximation) throws -> Void
    ) throws {
        let letter = NGramVocabulary.characters(of: [training])
        try body(alike(letter))
        try approximate(letter, letter.encode(Array(training)), orders: 1..<letters + 1, body)
        let (word, ids) = NGramVocabulary.words(of: [training])
        try approximate(word, ids[0], orders: 1..<words + 1, body)
    }

    /// The models of letters of the orders, one after another.
    func letterModels(_ orders: Range<Int>) -> some Sequence<(order: Int, model: NGramModel)> {
        let vocabulary = NGramVocabulary.characters(of: [training])
        return Self.models(vocabulary, vocabulary.encode(Array(training)), orders)
    }

    private static func models(
        _ vocabulary: NGramVocabulary, _ ids: [TokenID], _ orders: Range<Int>
    ) -> some Sequence<(order: Int, model: NGramModel)> {
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        sequences.append(ids)
        return orders.lazy.map { [sequences] order in
            (order, NGramEstimate(order: order, sequences).model)
        }
    }

    /// Each character of the text as likely as any other.
    private func alike(_ vocabulary: NGramVocabulary) -> Approximation {
        let seen = Array(Set(vocabulary.encode(Array(training)))).sorted()
        var random = SeededRandom(seed: seed)
        let sample = (0..<length).flatMap { _ in
            vocabulary.bytes(of: seen[random.below(seen.count)])
        }
        return Approximation(
            unit: .character, order: 0, bits: log2(Double(seen.count)), unknown: nil,
            sample: line(sample))
    }

    private func approximate(
        _ vocabulary: NGramVocabulary, _ ids: [TokenID], orders: Range<Int>,
        _ body: (Approximation) throws -> Void
    ) throws {
        let texts = EvaluationText.texts([heldOut], encoding: vocabulary)
        let seen = Set(ids)
        for (order, model) in Self.models(vocabulary, ids, orders) {
            let score = Evaluation.evaluate(
                model, on: texts, convention: .rolling(context: nil),
                startToken: vocabulary.endToken, unknownToken: vocabulary.unknownToken)
            let isWord = vocabulary.unit == .word
            let count = isWord ? score.tokens : Self.characters(heldOut)
            try body(
                Approximation(
                    unit: vocabulary.unit, order: order,
                    bits: score.nats / M_LN2 / Double(max(1, count)),
                    unknown: isWord
                        ? Double(score.unknownTokens) / Double(max(1, score.tokens)) : nil,
                    sample: line(try sample(model, vocabulary, seen))))
        }
    }

    /// Text of the model from the start of a sequence on; where one ends another begins.
    private func sample(
        _ model: NGramModel, _ vocabulary: NGramVocabulary, _ seen: Set<TokenID>
    ) throws -> [UInt8] {
        var parameters = SamplingParameters()
        (parameters.temperature, parameters.topK) = (1, 0)
        (parameters.topP, parameters.minP) = (1, 0)
        parameters.seed = seed
        guard let end = vocabulary.endToken else { return [] }
        var generator = TokenGenerator(
            model, prompt: [end], sampler: try Sampler(parameters), maxTokens: 2 * length)
        var text: [UInt8] = []
        while Self.characters(text[...]) < length, let token = try generator.step() {
            // What the text has not, bytes and the unknown word, has a probability too; it is not written.
            if token == end {
                if text.last != 32 { text.append(32) }
            } else if seen.contains(token) {
                text += vocabulary.bytes(of: token)
            }
        }
        return text
    }

    /// The bytes as text on one line, without what a last word has too much.
    private func line(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes.map { $0 == 10 || $0 == 13 ? 32 : $0 }, as: UTF8.self)
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(length)))
    }
}
