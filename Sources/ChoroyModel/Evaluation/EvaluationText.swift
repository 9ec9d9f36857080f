public import ChoroyText

/// A document as a model is scored on it: its tokens, and the bytes that each stands for.
public struct EvaluationText: Sendable {
    public let tokens: [TokenID]
    /// For each token its bytes in the document; their sum is the document's size.
    public let byteCounts: [Int]

    public init(tokens: [TokenID], byteCounts: [Int]) {
        precondition(
            tokens.count == byteCounts.count,
            "\(tokens.count) tokens, \(byteCounts.count) byte counts")
        self.tokens = tokens
        self.byteCounts = byteCounts
    }

    /// `document` in an encoding whose tokens stand for exactly the bytes of the text.
    public init(_ document: ArraySlice<UInt8>, encoding: some TextEncoding) {
        let tokens = encoding.encode(Array(document))
        let sizes = (0..<TokenID(encoding.vocabularySize)).map { encoding.bytes(of: $0).count }
        self.init(tokens: tokens, byteCounts: tokens.map { sizes[Int($0)] })
    }

    /// `document` in the vocabulary of an n-gram model.
    ///
    /// A word's bytes include the white space before it, those of a line's end the white space there;
    /// a last line without a line end has an end all the same, of 0 bytes.
    public init(_ document: ArraySlice<UInt8>, vocabulary: NGramVocabulary) {
        if vocabulary.unit == .word {
            let (tokens, byteCounts) = vocabulary.encodeLines(Array(document))
            self.init(tokens: tokens, byteCounts: byteCounts)
        } else {
            self.init(document, encoding: vocabulary)
        }
    }
}
