public import ChoroyText

/// Sequences of token ids, one after the other: what n-grams are counted in.
///
/// With an end token every sequence reads `<s> … </s>`: `<s>` is the number after the vocabulary's
/// last, so that no model predicts it, and `</s>` is the end token. Without one, nothing is added.
public struct NGramSequences: Sendable {
    public let vocabularySize: Int
    public let endToken: TokenID?
    /// All tokens, `<s>` among them; the last of each sequence with `end` added.
    private(set) var tokens: [UInt32] = []
    private var sequenceCount = 0

    /// Marks the last token of a sequence.
    static let end: UInt32 = 1 << 31

    public init(vocabularySize: Int, endToken: TokenID?) {
        precondition(
            vocabularySize > 0 && vocabularySize < Int(Int32.max), "vocabulary of \(vocabularySize)"
        )
        self.vocabularySize = vocabularySize
        self.endToken = endToken
    }

    /// The number that stands for `<s>`; nil without an end token.
    public var startToken: TokenID? { endToken == nil ? nil : TokenID(vocabularySize) }

    /// Different numbers that may stand in `tokens`.
    var alphabetSize: Int { vocabularySize + (endToken == nil ? 0 : 1) }

    /// Tokens to be predicted: all but `<s>`.
    public var count: Int { tokens.count - (endToken == nil ? 0 : sequenceCount) }

    public mutating func reserveCapacity(_ count: Int) { tokens.reserveCapacity(count) }

    /// Adds a document: a sequence ends at each end token in it, and at its end.
    ///
    /// - Precondition: all ids lie in `0..<vocabularySize`.
    public mutating func append(_ document: some Collection<TokenID>) {
        let start = startToken.map { UInt32($0) }
        var isOpen = false
        for token in document {
            precondition(
                token >= 0 && Int(token) < vocabularySize,
                "token \(token) of a vocabulary of \(vocabularySize)")
            if !isOpen, let start { tokens.append(start) }
            isOpen = token != endToken
            tokens.append(isOpen ? UInt32(token) : UInt32(token) | Self.end)
            if !isOpen { sequenceCount += 1 }
        }
        guard isOpen else { return }
        if let endToken {
            tokens.append(UInt32(endToken) | Self.end)
        } else {
            tokens[tokens.count - 1] |= Self.end
        }
        sequenceCount += 1
    }
}
