public import ChoroyText

/// Sequences of token ids, one after the other: what n-grams are counted in.
///
/// With an end token every sequence reads `<s> … </s>`: `<s>` is the number after the vocabulary's
/// last, so that no model predicts it, and `</s>` is the end token. Without one, nothing is added.
public struct NGramSequences: Sendable {
    public let vocabularySize: Int
    public let endToken: TokenID?
    /// All tokens, `<s>` among them.
    package private(set) var tokens: [TokenID] = []
    /// Where in `tokens` each sequence ends.
    package private(set) var ends: [Int] = []

    public init(vocabularySize: Int, endToken: TokenID?) {
        precondition(
            vocabularySize > 0 && vocabularySize < Int(Int32.max), "vocabulary of \(vocabularySize)"
        )
        self.vocabularySize = vocabularySize
        self.endToken = endToken
    }

    /// The number that stands for `<s>`; nil without an end token.
    public var startToken: TokenID? { endToken == nil ? nil : TokenID(vocabularySize) }

    /// Tokens to be predicted: all but `<s>`.
    public var count: Int { tokens.count - (endToken == nil ? 0 : ends.count) }

    /// Adds a document: a sequence ends at each end token in it, and at its end.
    ///
    /// - Precondition: all ids lie in `0..<vocabularySize`.
    public mutating func append(_ document: [TokenID]) {
        tokens.reserveCapacity(tokens.count + document.count + 2)
        var isOpen = false
        for token in document {
            precondition(
                token >= 0 && Int(token) < vocabularySize,
                "token \(token) of a vocabulary of \(vocabularySize)")
            if !isOpen, let startToken { tokens.append(startToken) }
            tokens.append(token)
            isOpen = token != endToken
            if !isOpen { ends.append(tokens.count) }
        }
        guard isOpen else { return }
        if let endToken { tokens.append(endToken) }
        ends.append(tokens.count)
    }
}
