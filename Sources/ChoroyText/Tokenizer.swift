import ChoroySystem

/// Bytes to token ids and back: byte-level byte-pair encoding.
///
/// Lossless for any bytes, valid UTF-8 or not: `decode(encode(bytes)) == bytes`.
public struct Tokenizer: TextEncoding {
    /// The bytes of each token; index = id.
    let vocabulary: [[UInt8]]
    /// Names and ids of the special tokens, ascending by id.
    public let specialTokens: [(content: String, id: TokenID)]

    /// What every new tokenizer reserves, in this order, after its other tokens.
    public static let reservedTokens =
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + (0..<5).map { "<|reserved_\($0)|>" }

    /// A vocabulary of the 256 bytes and the given special tokens after them.
    public init(bytesAnd special: [String] = Tokenizer.reservedTokens) {
        vocabulary = (0..<256).map { [UInt8($0)] } + special.map { Array($0.utf8) }
        specialTokens = special.enumerated().map { ($1, TokenID(256 + $0)) }
    }

    /// The tokenizer in a `tokenizer.json`, or in a directory that holds one.
    public init(contentsOf path: String) throws {
        let file =
            FilePath.kind(of: path) == .directory ? FilePath.join(path, "tokenizer.json") : path
        self = try TokenizerFile.read(file)
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` as Hugging Face reads them.
    public func save(to directory: String) throws {
        try TokenizerFile.write(self, to: directory)
    }

    /// SHA-256 of what decides the ids: vocabulary, merges, special tokens and pattern.
    public var hash: String {
        var hash = SHA256()
        for token in vocabulary {
            hash.update(Array("\(token.count) ".utf8) + token)
        }
        for (content, id) in specialTokens { hash.update("special \(id) \(content)\n".utf8) }
        return hash.finalize()
    }

    public var vocabularySize: Int { vocabulary.count }

    public func encode(_ bytes: [UInt8]) -> [TokenID] { bytes.map { TokenID($0) } }

    public func bytes(of token: TokenID) -> [UInt8] {
        vocabulary.indices.contains(Int(token)) ? vocabulary[Int(token)] : []
    }

    public func id(ofSpecial content: String) -> TokenID? {
        specialTokens.first { $0.content.utf8.elementsEqual(content.utf8) }?.id
    }
}
