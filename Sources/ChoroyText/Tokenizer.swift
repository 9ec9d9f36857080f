import ChoroySystem

/// Bytes to token ids and back: byte-level byte-pair encoding.
///
/// Lossless for any bytes, valid UTF-8 or not: `decode(encode(bytes)) == bytes`, as long as the
/// vocabulary has all 256 bytes (a byte that it lacks gives no id) and the file asks for no
/// normalization.
public struct Tokenizer: TextEncoding {
    /// What every new tokenizer reserves, in this order, after its other tokens.
    public static let reservedTokens =
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + (0..<5).map { "<|reserved_\($0)|>" }

    let tokens: TokenTable
    private let decoder: TokenDecoder
    let mergeTable: MergeTable
    let added: AddedTokens
    let preTokenizer: PreTokenizer
    let normalization: Normalization?
    /// A piece that is a token as a whole is that token, whatever the merges say.
    let ignoresMerges: Bool
    /// What merges where the ids of tokens decide, and not the list of merges, which is empty then.
    let ranks: RankMerging?
    /// What merges characters of whole texts, instead of bytes of pieces.
    let sentencePiece: SentencePieceMerging?
    private let specials: [(content: String, id: TokenID)]
    private(set) var caches = PieceCaches()

    /// A vocabulary of the 256 bytes, id = byte, and the given special tokens after them.
    ///
    /// - Precondition: at least two bytes in each special token, none twice.
    public init(
        bytesAnd special: [String] = Tokenizer.reservedTokens,
        pattern: PreTokenizer.Pattern = .llamaBPE
    ) {
        precondition(
            special.allSatisfy { $0.utf8.count > 1 }
                && Set(special.map { Array($0.utf8) }).count == special.count,
            "special tokens \(special) must be distinct and longer than a byte")
        var tokens = TokenTable()
        for byte in UInt8.min...UInt8.max { tokens.append([byte]) }
        for content in special { tokens.append(content.utf8) }
        self.init(
            tokens: tokens, merges: [], byteTokens: Array(0..<256),
            added: special.enumerated().map {
                .init(
                    content: $1, id: TokenID(256 + $0), isSpecial: true, isNormalized: false)
            },
            pattern: pattern)
    }

    /// A vocabulary in parts that belong together, as the trainer and the file reader make them.
    init(
        tokens: TokenTable, merges: [MergeTable.Merge], byteTokens: [TokenID],
        added: [AddedTokens.Token], pattern: PreTokenizer.Pattern,
        normalization: Normalization? = nil, ignoresMerges: Bool = false,
        mergesByRank: Bool = false
    ) {
        sentencePiece = nil
        mergeTable = MergeTable(merges, byteTokens: byteTokens, tokens: tokens)
        self.added = AddedTokens(added, normalization)
        preTokenizer = PreTokenizer(pattern)
        self.normalization = normalization
        self.ignoresMerges = ignoresMerges
        specials = self.added.tokens.filter(\.isSpecial).map { ($0.content, $0.id) }
        self.tokens = ignoresMerges ? Self.listing(tokens, added: self.added) : tokens
        decoder = TokenDecoder(self.tokens)
        ranks = mergesByRank ? RankMerging(self.tokens) : nil
    }

    /// One of SentencePiece; `tokens` that merges make are listed.
    init(
        tokens: TokenTable, byteTokens: [TokenID], added: [AddedTokens.Token],
        normalization: Normalization? = nil, sentencePiece: SentencePieceMerging
    ) {
        mergeTable = MergeTable([], byteTokens: byteTokens)
        self.added = AddedTokens(added, normalization)
        preTokenizer = PreTokenizer(.gpt2)
        self.normalization = normalization
        ignoresMerges = false
        ranks = nil
        self.sentencePiece = sentencePiece
        specials = self.added.tokens.filter(\.isSpecial).map { ($0.content, $0.id) }
        self.tokens = tokens
        decoder = TokenDecoder(tokens)
    }

    /// Lists the tokens that a piece with exactly their bytes is, whatever the merges say.
    private static func listing(_ tokens: TokenTable, added: AddedTokens) -> TokenTable {
        var isOutside = [Bool](repeating: false, count: tokens.count)
        for token in added.tokens { isOutside[Int(token.id)] = true }
        var tokens = tokens
        tokens.reserve(tokens.count, bytes: 0, listed: true)
        for id in 0..<tokens.count where !isOutside[id] && tokens.length(of: id) > 0 {
            tokens.list(id)
        }
        return tokens
    }

    /// The tokenizer in a `tokenizer.json` or a directory that holds one, in a `.tiktoken` or GGUF
    /// file, or in `vocab.json` and `merges.txt`.
    ///
    /// - Parameter pattern: That of files that name none.
    /// - Throws: `FileError` for a file that is damaged or asks for what Choroy does not have.
    public init(contentsOf path: String, pattern: PreTokenizer.Pattern? = nil) throws {
        let isDirectory = FilePath.kind(of: path) == .directory
        let file = isDirectory ? FilePath.join(path, "tokenizer.json") : path
        if !isDirectory || FilePath.kind(of: file) == .missing,
            let files = VocabularyFiles.find(path)
        {
            self = try VocabularyFiles.read(files, pattern: pattern)
            return
        }
        switch try TokenizerFormat(of: file) {
        case .json: self = try TokenizerFileReader.read(file)
        case .tiktoken: self = try TiktokenFile.read(file, pattern: pattern)
        case .gguf: self = try GGUFVocabulary.read(file, pattern: pattern)
        case .sentencePiece:
            throw FileError(
                file, expected: "tokenizer.json, .tiktoken, .gguf, or vocab.json and merges.txt",
                found:
                    "a SentencePiece .model file, which is not read; its tokenizer.json or .gguf is"
            )
        }
    }

    /// The tokens that are not special as a `.tiktoken` file lists them.
    ///
    /// - Throws: `FileError`, which names `path`, for what such a file cannot say.
    public func tiktokenFile(for path: String) throws -> [UInt8] {
        try TiktokenFile.bytes(of: self, for: path)
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` as Hugging Face reads them.
    ///
    /// `chatTemplate` is that of a model that was trained to chat; others have none.
    public func save(to directory: String, chatTemplate: ChatTemplate? = nil) throws {
        try TokenizerFile.write(self, template: chatTemplate, to: directory)
    }

    /// The same tokenizer as it was before its first call.
    public func withEmptyCache() -> Tokenizer {
        var copy = self
        copy.caches = PieceCaches()
        return copy
    }

    /// Whether decoding gives back any bytes that were encoded.
    public var isLossless: Bool {
        normalization == nil && mergeTable.hasAllBytes && sentencePiece == nil
    }

    /// Names and ids of the special tokens, ascending by id.
    public var specialTokens: [(content: String, id: TokenID)] { specials }

    /// Where this tokenizer cuts text into pieces.
    public var pattern: PreTokenizer.Pattern { preTokenizer.pattern }

    /// The name of the pattern; of SentencePiece, which cuts no pieces, its own.
    public var patternName: String { sentencePiece == nil ? pattern.rawValue : "sentencepiece" }

    /// How many merges there are.
    public var mergeCount: Int {
        ranks != nil
            ? (0..<tokens.count).count { tokens.length(of: $0) > 1 } - added.tokens.count
            : mergeTable.merges.count
    }

    /// The merges in their order.
    var merges: [MergeTable.Merge] {
        ranks != nil ? RankMerging.merges(of: tokens) : mergeTable.merges
    }

    /// Whether the ids of tokens say which merge comes first, as ids of our own trainer do.
    var mergesAreRanks: Bool {
        if ranks != nil { return true }
        let results = mergeTable.merges.map(\.result)
        return zip(results, results.dropFirst()).allSatisfy { $0 < $1 }
    }

    public var vocabularySize: Int { tokens.count }

    public func bytes(of token: TokenID) -> [UInt8] {
        token >= 0 && Int(token) < tokens.count ? Array(tokens.bytes(of: Int(token))) : []
    }

    /// A token as `tokenizer.json` spells it: in the byte alphabet, an added token as itself.
    public func name(of token: TokenID) -> String {
        if let token = added.token(token) { return token.content }
        guard let sentencePiece else { return ByteAlphabet.text(of: bytes(of: token)) }
        return sentencePiece.name(of: token, bytes(of: token))
    }

    public func decode(_ tokens: some Sequence<TokenID>) -> [UInt8] {
        let direct = tokens.withContiguousStorageIfAvailable { unsafe decoder.bytes(of: $0) }
        var bytes = direct ?? decoder.bytes(of: Array(tokens))
        // The space that encoding has put before the text.
        if sentencePiece?.addsSpace == true, bytes.first == 0x20 { bytes.removeFirst() }
        return bytes
    }

    public func id(ofSpecial content: String) -> TokenID? {
        specials.first { $0.content.utf8.elementsEqual(content.utf8) }?.id
    }

    /// SHA-256 of what decides the ids, in 64 hexadecimal digits: pattern, normalization, the bytes
    /// of every id, merges and added tokens. Where a file stood or how it was spaced is no part, nor whether merges are
    /// listed or follow from the ranks of tokens.
    public var hash: String {
        var hash = SHA256()
        let normalization = normalization?.name ?? "none"
        hash.update(
            "choroy tokenizer 1 \(pattern.rawValue) \(normalization) \(ignoresMerges)\n".utf8)
        if let sentencePiece { hash.update(sentencePiece.fingerprint) }
        var content: [UInt8] = []
        for id in 0..<tokens.count {
            DecimalDigits.append(tokens.length(of: id), to: &content)
            content.append(32)
            content += tokens.bytes(of: id)
        }
        for merge in merges {
            for (id, end) in [(merge.left, 32), (merge.right, 32), (merge.result, 10)]
                as [(TokenID, UInt8)]
            {
                DecimalDigits.append(Int(id), to: &content)
                content.append(end)
            }
        }
        for token in added.tokens {
            content += "\(token.id) \(token.isSpecial) \(token.isNormalized)\n".utf8
            let flags = [token.isSingleWord, token.stripsLeft, token.stripsRight]
            if flags.contains(true) { content += "\(flags)\n".utf8 }
        }
        hash.update(content)
        return hash.finalize()
    }
}
