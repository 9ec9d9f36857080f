import ChoroySystem

/// The tokenizer in a GGUF file: byte-level BPE, which the format calls gpt2, or SentencePiece's BPE, which
/// it calls llama.
enum GGUFVocabulary {
    /// Kinds of tokens that stand outside the merges.
    private static let unknown = 2
    private static let control = 3
    private static let userDefined = 4
    private static let unused = 5
    private static let byte = 6

    /// Names in `tokenizer.ggml.pre` of models whose words that are tokens are these, whatever the merges say.
    private static let ignoringMerges = ["falcon3", "llama-bpe", "llama-v3", "llama3", "pixtral"]

    /// The patterns by the names in `tokenizer.ggml.pre`, as llama.cpp groups them.
    private static let patterns: [String: PreTokenizer.Pattern] = {
        let names: [(PreTokenizer.Pattern, [String])] = [
            (
                .gpt2,
                [
                    "gpt-2", "gigachat", "jais", "jina-de", "jina-es", "jina-v1-en", "jina-v2-code",
                    "jina-v2-de", "jina-v2-es", "mpt", "olmo", "phi-2", "roberta-bpe", "trillion",
                ]
            ),
            (.llamaBPE, ignoringMerges + ["chatglm-bpe", "dbrx", "glm4", "smaug-bpe"]),
            (.qwen2, ["qwen2", "deepseek-r1-qwen", "megrez", "stablelm2"]),
            (
                .smollm,
                [
                    "smollm", "codeshell", "command-r", "exaone", "minerva-7b", "refact",
                    "starcoder",
                ]
            ),
            (.o200k, ["gpt-4o", "llama4"]),
        ]
        var patterns: [String: PreTokenizer.Pattern] = [:]
        for (pattern, group) in names { for name in group { patterns[name] = pattern } }
        return patterns
    }()

    /// - Parameter pattern: That of a file that names none.
    /// - Throws: `FileError` for a file that is damaged, or has another kind of tokenizer.
    static func read(_ path: String, pattern: PreTokenizer.Pattern?) throws -> Tokenizer {
        let metadata = try GGUFMetadata(path: path)
        let model = try metadata.text("tokenizer.ggml.model") ?? "none"
        if model == "llama" { return try sentencePiece(metadata) }
        guard model == "gpt2" else {
            throw FileError(
                path, at: "tokenizer.ggml.model",
                expected: "gpt2 (byte-level BPE) or llama (SentencePiece BPE)", found: model)
        }
        let names = try metadata.strings("tokenizer.ggml.tokens")
        let merges = try metadata.strings("tokenizer.ggml.merges")
        var added: [JSONValue] = []
        let kinds = try kinds(metadata, count: names.count)
        for id in 0..<names.count where [control, userDefined].contains(kinds[id]) {
            guard let name = String(validating: names[id], as: UTF8.self) else {
                throw FileError(
                    path, at: "tokenizer.ggml.tokens, token \(id)", expected: "valid UTF-8",
                    found: "other bytes")
            }
            added.append(
                .object(
                    JSONObject([
                        ("id", .integer(id)), ("content", .string(name)),
                        ("special", .bool(kinds[id] == control)), ("normalized", .bool(false)),
                    ])))
        }
        let pre = try metadata.text("tokenizer.ggml.pre") ?? ""
        let root = JSONObject([
            ("added_tokens", .array(added)),
            ("pre_tokenizer", TokenizerFile.preTokenizer(try Self.pattern(metadata, pattern))),
            ("decoder", TokenizerFile.byteLevel(usesPattern: true)),
            (
                "model",
                .object(
                    JSONObject([
                        ("type", .string("BPE")),
                        ("ignore_merges", .bool(ignoringMerges.contains(pre))),
                    ]))
            ),
        ])
        return try TokenizerFileReader(path: path, root: root, names: names, merges: merges)
            .tokenizer()
    }

    private static func sentencePiece(_ metadata: GGUFMetadata) throws -> Tokenizer {
        let names = try metadata.strings("tokenizer.ggml.tokens")
        let kinds = try kinds(metadata, count: names.count)
        guard case .numbers(let scores) = metadata["tokenizer.ggml.scores"],
            scores.count == names.count, scores.allSatisfy({ !$0.isNaN })
        else {
            throw FileError(
                metadata.path, at: "tokenizer.ggml.scores",
                expected: "\(names.count) numbers, one for each token", found: "others")
        }
        var addsSpace = true
        switch metadata["tokenizer.ggml.add_space_prefix"] {
        case nil: break
        case .bool(let value)?: addsSpace = value
        default:
            throw FileError(
                metadata.path, at: "tokenizer.ggml.add_space_prefix", expected: "true or false",
                found: "something else")
        }
        var tokens = TokenTable()
        var byteTokens = [TokenID](repeating: -1, count: 256)
        var added: [AddedTokens.Token] = []
        guard names.count <= BPETrainer.largestVocabulary else {
            throw FileError(
                metadata.path, at: "tokenizer.ggml.tokens",
                expected: "at most \(BPETrainer.largestVocabulary) tokens", found: "\(names.count)")
        }
        for id in 0..<names.count {
            let name = names[id]
            switch kinds[id] {
            case byte:
                guard let value = byteValue(name) else {
                    throw FileError(
                        metadata.path, at: "token \(id)", expected: "<0x00> to <0xFF>",
                        found: String(decoding: name.prefix(20), as: UTF8.self).debugDescription)
                }
                byteTokens[Int(value)] = TokenID(id)
                tokens.append([value])
            case control, userDefined:
                let content = String(decoding: name, as: UTF8.self)
                guard name.count <= AddedTokens.longestContent else {
                    throw FileError(
                        metadata.path, at: "token \(id)",
                        expected: "at most \(AddedTokens.longestContent) bytes",
                        found: "\(name.count)")
                }
                if !content.isEmpty {
                    added.append(
                        .init(
                            content: content, id: TokenID(id), isSpecial: kinds[id] == control,
                            isNormalized: false))
                }
                tokens.append(name)
            case unknown: tokens.append(name)
            default: tokens.append(SentencePieceMerging.withSpaces(name))
            }
        }
        let merged = kinds.map { ![byte, control, userDefined, unknown, unused].contains($0) }
        for id in 0..<names.count where merged[id] && tokens.length(of: id) > 0 { tokens.list(id) }
        return Tokenizer(
            tokens: tokens, byteTokens: byteTokens, added: added,
            sentencePiece: SentencePieceMerging(
                scores: scores.indices.map { merged[$0] ? Float(scores[$0]) : nil },
                byteTokens: byteTokens, unknown: kinds.firstIndex(of: unknown).map { TokenID($0) },
                prefix: addsSpace ? .always : .never))
    }

    /// The byte that a name such as <0x0A> stands for.
    static func byteValue(_ name: some Collection<UInt8>) -> UInt8? {
        let digits = name.dropFirst(3).prefix(2)
        guard name.count == 6, name.starts(with: "<0x".utf8), name.dropFirst(5).first == 0x3E,
            digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
        else { return nil }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private static func kinds(_ metadata: GGUFMetadata, count: Int) throws -> [Int] {
        let key = "tokenizer.ggml.token_type"
        switch metadata[key] {
        case nil: return [Int](repeating: 1, count: count)
        case .integers(let kinds)? where kinds.count == count: return kinds
        case .integers(let kinds)?:
            throw FileError(
                metadata.path, at: key, expected: "\(count) numbers", found: "\(kinds.count)")
        default:
            throw FileError(
                metadata.path, at: key, expected: "an array of integers", found: "something else")
        }
    }

    private static func pattern(
        _ metadata: GGUFMetadata, _ pattern: PreTokenizer.Pattern?
    ) throws -> PreTokenizer.Pattern {
        // Files from before the key was thought of are GPT-2's, or their pattern is lost.
        guard let name = try metadata.text("tokenizer.ggml.pre") else { return pattern ?? .gpt2 }
        guard let known = patterns[name] ?? pattern else {
            throw FileError(
                metadata.path, at: "tokenizer.ggml.pre",
                expected: "one of \(patterns.keys.sorted().joined(separator: ", "))",
                found: name.debugDescription)
        }
        return known
    }
}
