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

    /// Documents in an encoding.
    ///
    /// Tokens stand for their own bytes. With the words of an n-gram model, a word's bytes include the
    /// white space before it and those of a line's end the white space there; a last line without a
    /// line end has an end all the same, of 0 bytes. With `joinsLines` line ends are white space like
    /// any other, and only a document has an end.
    public static func texts(
        _ documents: [ArraySlice<UInt8>], encoding: some TextEncoding, joinsLines: Bool = false
    ) -> [EvaluationText] {
        if let vocabulary = encoding as? NGramVocabulary, vocabulary.unit == .word {
            return documents.map { document in
                let (tokens, byteCounts) = vocabulary.encodeSentences(
                    Array(document), joinsLines: joinsLines)
                return EvaluationText(tokens: tokens, byteCounts: byteCounts)
            }
        }
        let sizes = (0..<TokenID(encoding.vocabularySize)).map { encoding.bytes(of: $0).count }
        return documents.map { document in
            let tokens = encoding.encode(Array(document))
            return EvaluationText(tokens: tokens, byteCounts: tokens.map { sizes[Int($0)] })
        }
    }
}
