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

extension EvaluationText {
    /// The tokens of a window, counted with the start token before them where there is one.
    func tokens(at range: Range<Int>, after start: TokenID?) -> WindowTokens {
        guard let start else { return WindowTokens(start: nil, tokens: tokens[range]) }
        return WindowTokens(
            start: range.lowerBound == 0 ? start : nil,
            tokens: tokens[max(0, range.lowerBound - 1)..<max(0, range.upperBound - 1)])
    }
}

/// The tokens of a window: a start token, if any, and some of a text's.
struct WindowTokens {
    let start: TokenID?
    let tokens: ArraySlice<TokenID>

    var count: Int { tokens.count + (start == nil ? 0 : 1) }

    /// At most `count` tokens from `first` on.
    func prefix(_ count: Int, from first: Int) -> [TokenID] {
        guard let start else { return Array(tokens.dropFirst(first).prefix(count)) }
        return first == 0
            ? [start] + tokens.prefix(count - 1)
            : Array(tokens.dropFirst(first - 1).prefix(count))
    }
}
