import ChoroyText

/// What the letters of a word cost that a vocabulary does not have: an n-gram model of the bytes of those it has.
///
/// With it a model of words can be compared with models of all the bytes of a text; only what kind of white space
/// stands between words is free.
public struct WordSpelling: Sendable {
    private let model: NGramModel
    private static let order = 4

    /// Learns from each word of `vocabulary` once, as new words are rare ones.
    ///
    /// - Precondition: it is a vocabulary of words.
    public init(_ vocabulary: NGramVocabulary) {
        precondition(vocabulary.unit == .word, "no words: \(vocabulary.unit)")
        let letters = NGramVocabulary.bytes
        var sequences = NGramSequences(
            vocabularySize: letters.vocabularySize, endToken: letters.endToken)
        // <unk> and </s> come first.
        for id in 2..<TokenID(max(2, vocabulary.vocabularySize)) {
            sequences.append(letters.encode(vocabulary.bytes(of: id).dropLast()))
        }
        if sequences.count == 0 { sequences.append([32]) }
        model = NGramEstimate(order: Self.order, sequences).model
    }

    /// −ln of the probability of a word's bytes and of its end.
    public func nats(of word: ArraySlice<UInt8>) -> Double {
        var states = [model.initialState()]
        let end = model.endToken.map { [$0] } ?? []
        let tokens = end + NGramVocabulary.bytes.encode(Array(word)) + end
        return -model.logProbabilities([tokens], states: &states)[0].reduce(0, +)
    }
}

extension Evaluation {
    /// Scores documents with a model of words; words it does not know cost what `<unk>` does and their spelling.
    public static func evaluate(
        _ model: some LanguageModel, _ vocabulary: NGramVocabulary, spelling: WordSpelling,
        on documents: [ArraySlice<UInt8>], progress: (Int) -> Void = { _ in }
    ) -> Evaluation {
        let convention = EvaluationConvention.rolling(context: nil)
        var result = Evaluation(convention: convention, scoresFirstToken: true)
        var (text, offset) = (0, 0)
        _ = evaluate(
            model, on: EvaluationText.texts(documents, encoding: vocabulary),
            convention: convention, startToken: vocabulary.endToken,
            unknownToken: vocabulary.unknownToken, endToken: vocabulary.endToken,
            progress: progress
        ) { token in
            if token.text != text { (text, offset) = (token.text, 0) }
            let place = documents[text].startIndex + offset
            offset += token.bytes
            guard token.isUnknown else { return result.add(token) }
            let word = documents[text][place..<place + token.bytes]
                .drop { $0 == 32 || 9...13 ~= $0 || $0 == 0 }
            result.add(token.costing(token.nats + spelling.nats(of: word)))
        }
        return result
    }
}
