import ChoroyModel
import ChoroyText

/// A text that n-gram models of any order are learned from, in one vocabulary.
struct NGramText {
    let vocabulary: NGramVocabulary
    private let sequences: NGramSequences
    /// Of words that are not in the text; nil when all text can be written in the vocabulary.
    private let spelling: WordSpelling?

    /// - Parameter ids: Those of the documents, where they are known.
    init(_ vocabulary: NGramVocabulary, _ documents: [ArraySlice<UInt8>], ids: [[TokenID]]? = nil) {
        self.vocabulary = vocabulary
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        for (index, document) in documents.enumerated() {
            sequences.append(ids?[index] ?? vocabulary.encode(Array(document)))
        }
        self.sequences = sequences
        spelling = vocabulary.unit == .word ? WordSpelling(vocabulary) : nil
    }

    /// The documents in a unit; tokens are those of `tokenizer`.
    init(_ unit: NGramVocabulary.Unit, _ documents: [ArraySlice<UInt8>], tokenizer: Tokenizer?) {
        switch (unit, tokenizer) {
        case (.token, let tokenizer?): self.init(NGramVocabulary(tokens: tokenizer), documents)
        case (.word, _):
            let (vocabulary, ids) = NGramVocabulary.words(of: documents)
            self.init(vocabulary, documents, ids: ids)
        case (.character, _): self.init(.characters(of: documents), documents)
        default: self.init(.bytes, documents)
        }
    }

    /// Tokens that are learned from.
    var count: Int { sequences.count }

    /// What all bytes of `heldOut` cost the model of this order.
    func evaluation(
        order: Int, on heldOut: [ArraySlice<UInt8>], progress: (Int) -> Void = { _ in }
    ) -> Evaluation {
        let model = NGramEstimate(order: order, sequences).model
        if let spelling {
            return Evaluation.evaluate(
                model, vocabulary, spelling: spelling, on: heldOut, progress: progress)
        }
        return Evaluation.evaluate(
            model, on: EvaluationText.texts(heldOut, encoding: vocabulary),
            convention: .rolling(context: nil), startToken: vocabulary.endToken,
            progress: progress)
    }
}
