/// Bytes to token ids and back: byte-level byte-pair encoding.
public struct Tokenizer: Sendable {
    /// The bytes of each token; index = id.
    public let vocabulary: [[UInt8]]
    /// Names and ids of the special tokens, ascending by id.
    public let specialTokens: [(content: String, id: TokenID)]

    /// A vocabulary of the 256 bytes and the given special tokens after them.
    public init(bytesAnd special: [String]) {
        vocabulary = (0..<256).map { [UInt8($0)] } + special.map { Array($0.utf8) }
        specialTokens = special.enumerated().map { ($1, TokenID(256 + $0)) }
    }

    public var vocabularySize: Int { vocabulary.count }

    /// The ids of `bytes` as plain text: what looks like a special token is text here.
    public func encode(_ bytes: some Collection<UInt8>) -> [TokenID] { bytes.map { TokenID($0) } }

    public func encode(_ text: String) -> [TokenID] { encode(Array(text.utf8)) }

    /// The exact bytes that `tokens` stand for; ids outside the vocabulary add nothing.
    public func decode(_ tokens: some Sequence<TokenID>) -> [UInt8] {
        tokens.flatMap { bytes(of: $0) }
    }

    /// The bytes of one token; none for an id outside the vocabulary.
    public func bytes(of token: TokenID) -> [UInt8] {
        vocabulary.indices.contains(Int(token)) ? vocabulary[Int(token)] : []
    }

    /// The id of the special token with exactly this content.
    public func id(ofSpecial content: String) -> TokenID? {
        specialTokens.first { Array($0.content.utf8) == Array(content.utf8) }?.id
    }
}
