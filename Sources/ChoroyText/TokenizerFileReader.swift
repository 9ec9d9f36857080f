import ChoroySystem

/// Reads a `tokenizer.json`, and refuses by name what it asks for and Choroy does not have.
struct TokenizerFileReader {
    let path: String
    let root: JSONObject
    /// Names in the order of ids, and merges as "a b", of a tokenizer that another file has; empty names are none.
    let names: ByteStrings?
    let merges: ByteStrings?

    static func read(_ path: String) throws -> Tokenizer {
        try read(FileBytes.read(path, limit: 1 << 28), path: path)
    }

    /// The tokenizer that `bytes`, which stand in `path`, are the `tokenizer.json` of.
    static func read(_ bytes: [UInt8], path: String) throws -> Tokenizer {
        let value = try JSONReader.parse(bytes[...], path: path, leaving: ["vocab", "merges"])
        guard let root = value.object else {
            throw FileError(path, expected: "an object", found: value.kind)
        }
        return try TokenizerFileReader(path: path, root: root).tokenizer()
    }

    init(
        path: String, root: JSONObject, names: ByteStrings? = nil, merges: ByteStrings? = nil
    ) {
        self.path = path
        self.root = root
        self.names = names
        self.merges = merges
    }

    func error(_ place: String, _ expected: String, _ found: String) -> FileError {
        FileError(path, at: place, expected: expected, found: found)
    }

    /// The tokenizer whose long lists are known; `root` says the rest.
    func tokenizer(
        tokens: TokenTable, merges: [MergeTable.Merge], byteTokens: [TokenID]
    ) throws -> Tokenizer {
        let added = try addedTokens()
        if let token = added.first(where: { $0.id >= tokens.count }) {
            throw error("added_tokens", "ids below \(tokens.count)", "\(token.id)")
        }
        return Tokenizer(
            tokens: tokens, merges: merges, byteTokens: byteTokens, added: added,
            pattern: try pattern(root["pre_tokenizer"] ?? .null),
            normalization: try normalization(root["normalizer"] ?? .null),
            ignoresMerges: root["model"]?["ignore_merges"]?.bool ?? false)
    }

    func tokenizer() throws -> Tokenizer {
        guard let model = root["model"] else { throw error("model", "an object", "none") }
        if Self.isSentencePiece(root) { return try sentencePiece(model) }
        try checkModel(model)
        let pattern = try pattern(root["pre_tokenizer"] ?? .null)
        let normalization = try normalization(root["normalizer"] ?? .null)
        try checkPostProcessor(root["post_processor"] ?? .null)
        let decoder = root["decoder"]?["type"]?.string
        guard decoder == "ByteLevel" else {
            throw error("decoder", "ByteLevel", decoder ?? "none")
        }
        let added = try addedTokens()
        let (table, names) = try vocabulary(model, added: added)
        var byteTokens = [TokenID](repeating: -1, count: 256)
        for byte in UInt8.min...UInt8.max {
            byteTokens[Int(byte)] =
                names.id(of: Array(ByteAlphabet.text(of: [byte]).utf8)[...]) ?? -1
        }
        let merges = try merges(model, names: names, added: added)
        return Tokenizer(
            tokens: table, merges: merges, byteTokens: byteTokens, added: added,
            pattern: pattern, normalization: normalization,
            ignoresMerges: model["ignore_merges"]?.bool ?? false)
    }

    // MARK: Components

    private func checkModel(_ model: JSONValue) throws {
        let type = model["type"]?.string ?? (model["merges"] == nil ? "none" : "BPE")
        guard type == "BPE" else { throw error("model", "type BPE", type) }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            let value = model[key] ?? .null
            guard value == .null || value.string?.isEmpty == true else {
                throw error("model", "no \(key)", describe(value))
            }
        }
        for key in ["byte_fallback", "fuse_unk"] where model[key]?.bool == true {
            throw error("model", "\(key) false", "true")
        }
        let dropout = model["dropout"] ?? .null
        guard dropout == .null || dropout.double == 0 else {
            throw error("model", "no dropout", describe(dropout))
        }
        let unknown = model["unk_token"] ?? .null
        guard unknown == .null || unknown.string != nil else {
            throw error("model", "unk_token as a string", unknown.kind)
        }
    }

    /// A value as it stands in the file, cut to one short line.
    func describe(_ value: JSONValue) -> String {
        let text = JSONWriter.string(value)
        return text.count <= 80 ? text : "\(text.prefix(80))…"
    }

    private func pattern(_ value: JSONValue) throws -> PreTokenizer.Pattern {
        var stages = value == .null ? [] : [value]
        if value["type"]?.string == "Sequence" {
            stages = value["pretokenizers"]?.array ?? []
        }
        var pattern: PreTokenizer.Pattern?
        var isByteLevel = false
        for stage in stages {
            let place = "pre_tokenizer"
            switch stage["type"]?.string {
            case "ByteLevel" where !isByteLevel:
                isByteLevel = true
                guard stage["add_prefix_space"]?.bool != true else {
                    throw error(place, "add_prefix_space false", "true")
                }
                if stage["use_regex"]?.bool != false {
                    guard pattern == nil || pattern == .smollm else {
                        throw error(place, "one pattern", "Split and ByteLevel with use_regex")
                    }
                    pattern = pattern ?? .gpt2
                } else if pattern == .smollm {
                    throw error(place, "ByteLevel with use_regex after Digits", "without")
                }
            case "Split" where pattern == nil && !isByteLevel:
                guard stage["behavior"]?.string == "Isolated", stage["invert"]?.bool != true,
                    let expression = stage["pattern"]?["Regex"]?.string
                else { throw error(place, "Split by a Regex, Isolated", describe(stage)) }
                let known = TokenizerFile.expressions.first {
                    $0.expression.utf8.elementsEqual(expression.utf8)
                }
                guard let known else {
                    let names = PreTokenizer.Pattern.allCases.map(\.rawValue)
                    throw error(
                        place, "one of the patterns \(names.joined(separator: ", "))",
                        describe(.string(expression)))
                }
                pattern = known.pattern
            case "Digits" where pattern == nil && !isByteLevel:
                guard stage["individual_digits"]?.bool == true else {
                    throw error(place, "Digits with individual_digits", describe(stage))
                }
                pattern = .smollm
            case let type:
                throw error(
                    place, "ByteLevel, or Split or Digits and then ByteLevel", type ?? "none")
            }
        }
        guard let pattern, isByteLevel else {
            throw error("pre_tokenizer", "ByteLevel with a pattern", describe(value))
        }
        return pattern
    }

    /// Choroy adds no tokens by itself, so what this stage would add is only checked for its kind.
    private func checkPostProcessor(_ value: JSONValue) throws {
        guard value != .null else { return }
        var stages = [value]
        if value["type"]?.string == "Sequence" { stages = value["processors"]?.array ?? [] }
        for stage in stages {
            let type = stage["type"]?.string ?? "none"
            guard type == "ByteLevel" || type == "TemplateProcessing" else {
                throw error("post_processor", "ByteLevel or TemplateProcessing", type)
            }
        }
    }

    // MARK: Tokens

    func id(_ value: JSONValue?, _ place: @autoclosure () -> String) throws -> TokenID {
        guard let number = value?.integer, (0..<BPETrainer.largestVocabulary).contains(number)
        else {
            throw error(
                place(), "an id from 0 to \(BPETrainer.largestVocabulary - 1)",
                value.map(describe) ?? "none")
        }
        return TokenID(number)
    }

    func addedTokens() throws -> [AddedTokens.Token] {
        guard let value = root["added_tokens"], value != .null else { return [] }
        guard let list = value.array else { throw error("added_tokens", "an array", value.kind) }
        var contents: Set<[UInt8]> = []
        var ids: Set<TokenID> = []
        return try list.map { entry in
            guard let content = entry["content"]?.string, !content.isEmpty else {
                throw error("added_tokens", "a token with content", describe(entry))
            }
            let place = "added token \(describe(.string(content)))"
            guard content.utf8.count <= AddedTokens.longestContent else {
                throw error(
                    place, "at most \(AddedTokens.longestContent) bytes", "\(content.utf8.count)")
            }
            let id = try id(entry["id"], place)
            guard ids.insert(id).inserted, contents.insert(Array(content.utf8)).inserted else {
                throw error(place, "each added token and id once", "one of them again")
            }
            let isSpecial = entry["special"]?.bool ?? false
            return .init(
                content: content, id: id, isSpecial: isSpecial,
                isNormalized: entry["normalized"]?.bool ?? !isSpecial,
                isSingleWord: entry["single_word"]?.bool ?? false,
                stripsLeft: entry["lstrip"]?.bool ?? false,
                stripsRight: entry["rstrip"]?.bool ?? false)
        }
    }
}
