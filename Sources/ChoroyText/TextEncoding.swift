/// A way to write text as token ids: a tokenizer, or the vocabulary of an n-gram model.
public protocol TextEncoding: Sendable {
    /// One more than the largest id.
    var vocabularySize: Int { get }

    /// The ids of `bytes` as plain text: what looks like a special token is text here.
    func encode(_ bytes: [UInt8]) -> [TokenID]

    /// The bytes of one token; none for an id outside the vocabulary.
    func bytes(of token: TokenID) -> [UInt8]

    /// The id of the special token with exactly this content.
    func id(ofSpecial content: String) -> TokenID?
}

extension TextEncoding {
    /// The ids of `text` as plain text.
    public func encode(_ text: String) -> [TokenID] { encode(Array(text.utf8)) }

    /// The exact bytes that `tokens` stand for; ids outside the vocabulary add nothing.
    public func decode(_ tokens: some Sequence<TokenID>) -> [UInt8] {
        tokens.flatMap { bytes(of: $0) }
    }
}
