import ChoroySystem

/// The tokenizer in a GGUF file: byte-level BPE, which the format calls gpt2.
enum GGUFVocabulary {
    /// Kinds of tokens that stand outside the merges.
    private static let control = 3
    private static let userDefined = 4
    private static let unused = 5

    /// The patterns by the names in `tokenizer.ggml.pre`.
    private static let patterns: [String: PreTokenizer.Pattern] = [
        "gpt-2": .gpt2, "llama-bpe": .llamaBPE, "llama-v3": .llamaBPE, "llama3": .llamaBPE,
        "qwen2": .qwen2, "deepseek-r1-qwen": .qwen2, "smollm": .smollm, "gpt-4o": .o200k,
    ]

    /// - Parameter pattern: That of a file that names none.
    /// - Throws: `FileError` for a file that is damaged, or has another kind of tokenizer.
    static func read(_ path: String, pattern: PreTokenizer.Pattern?) throws -> Tokenizer {
        let metadata = try GGUFMetadata(path: path)
        let model = try metadata.text("tokenizer.ggml.model") ?? "none"
        guard model == "gpt2" else {
            throw FileError(
                path, at: "tokenizer.ggml.model", expected: "gpt2 (byte-level BPE)", found: model)
        }
        let names = try metadata.strings("tokenizer.ggml.tokens").enumerated().map { id, name in
            guard let text = String(validating: name, as: UTF8.self) else {
                throw FileError(
                    path, at: "tokenizer.ggml.tokens, token \(id)", expected: "valid UTF-8",
                    found: "other bytes")
            }
            return text
        }
        let merges = try metadata.strings("tokenizer.ggml.merges").map {
            JSONValue.string(String(decoding: $0, as: UTF8.self))
        }
        var vocabulary = JSONObject()
        var added: [JSONValue] = []
        let kinds = try kinds(metadata, count: names.count)
        for (id, name) in names.enumerated() where kinds[id] != unused || !name.isEmpty {
            vocabulary.append(name, .integer(id))
            guard [control, userDefined].contains(kinds[id]) else { continue }
            added.append(
                .object(
                    JSONObject([
                        ("id", .integer(id)), ("content", .string(name)),
                        ("special", .bool(kinds[id] == control)), ("normalized", .bool(false)),
                    ])))
        }
        let root = JSONObject([
            ("added_tokens", .array(added)),
            ("pre_tokenizer", TokenizerFile.preTokenizer(try Self.pattern(metadata, pattern))),
            ("decoder", TokenizerFile.byteLevel(usesPattern: true)),
            (
                "model",
                .object(
                    JSONObject([
                        ("type", .string("BPE")), ("vocab", .object(vocabulary)),
                        ("merges", .array(merges)),
                    ]))
            ),
        ])
        return try TokenizerFileReader(path: path, root: root).tokenizer()
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
