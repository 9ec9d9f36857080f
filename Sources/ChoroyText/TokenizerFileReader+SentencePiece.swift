import ChoroySystem

/// `tokenizer.json` of Llama 2 and its kin: merges of characters, and bytes for what is no token.
extension TokenizerFileReader {
    /// Whether the file asks for SentencePiece's BPE.
    static func isSentencePiece(_ root: JSONObject) -> Bool {
        guard root["model"]?["byte_fallback"]?.bool == true else { return false }
        let pre = root["pre_tokenizer"] ?? .null
        return pre == .null || pre["type"]?.string == "Metaspace" || cutsAtSpaces(pre)
    }

    /// A cut at spaces, as Gemma's files have it behind a normalizer that leaves none.
    private static func cutsAtSpaces(_ stage: JSONValue) -> Bool {
        stage["type"]?.string == "Split" && stage["pattern"]?["String"]?.string == " "
    }

    func sentencePiece(_ model: JSONValue) throws -> Tokenizer {
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            let value = model[key] ?? .null
            guard value == .null || value.string?.isEmpty == true else {
                throw error("model", "no \(key)", describe(value))
            }
        }
        guard model["ignore_merges"]?.bool != true else {
            throw error("model", "ignore_merges false with byte_fallback", "true")
        }
        let (normalization, prefix) = try prefix()
        let added = try addedTokens()
        var names: [[UInt8]?] = []
        for token in added { try put(Array(token.content.utf8), Int(token.id), into: &names) }
        let outside = Set(added.map(\.id))
        try forEachName(model) { name, id in
            guard String(validating: name, as: UTF8.self) != nil else {
                throw error("vocab \(describe(name))", "a name in UTF-8", "invalid bytes")
            }
            if outside.contains(id) { return }
            try put(Array(name), Int(id), into: &names)
        }
        var tokens = TokenTable()
        var byteTokens = [TokenID](repeating: -1, count: 256)
        for (id, name) in names.enumerated() {
            guard let name, !outside.contains(TokenID(id)) else {
                tokens.append(name ?? [])
                continue
            }
            if let byte = GGUFVocabulary.byteValue(name) {
                byteTokens[Int(byte)] = TokenID(id)
                tokens.append([byte])
            } else {
                tokens.append(SentencePieceMerging.withSpaces(name))
                if !name.isEmpty, !tokens.list(id) {
                    throw error("vocab", "each token once", "\(describe(name[...])) again")
                }
            }
        }
        let unknown = model["unk_token"]?.string.flatMap { name in
            names.firstIndex { $0?.elementsEqual(name.utf8) == true }.map { TokenID($0) }
        }
        return Tokenizer(
            tokens: tokens, byteTokens: byteTokens, added: added, normalization: normalization,
            sentencePiece: SentencePieceMerging(
                merges: try merges(model, tokens), byteTokens: byteTokens, unknown: unknown,
                prefix: prefix))
    }

    private func put(_ name: [UInt8], _ id: Int, into names: inout [[UInt8]?]) throws {
        if id >= names.count {
            names += [[UInt8]?](repeating: nil, count: id + 1 - names.count)
        }
        guard names[id] == nil else {
            throw error("vocab \(describe(name[...]))", "each id once", "\(id) again")
        }
        names[id] = name
    }

    private func merges(_ model: JSONValue, _ tokens: TokenTable) throws -> [MergeTable.Merge] {
        try merges(model) { left, right throws(NoMerge) in
            let first = SentencePieceMerging.withSpaces(left)
            let second = SentencePieceMerging.withSpaces(right)
            guard let left = tokens.id(of: first), let right = tokens.id(of: second),
                let result = tokens.id(of: first + second)
            else { throw NoMerge(expected: "tokens of the vocabulary") }
            return .init(left: left, right: right, result: result)
        }
    }

    /// What text goes through first, and where spaces become `▁` and one comes before the text: by
    /// normalizers, or by Metaspace.
    private func prefix() throws -> (Normalization?, SentencePieceMerging.Prefix) {
        let mark = "\u{2581}"
        var prefix = SentencePieceMerging.Prefix.never
        var replaces = false
        var first: [JSONValue] = []
        for stage in stages(root["normalizer"], "normalizers") {
            switch stage["type"]?.string {
            case "Prepend" where stage["prepend"]?.string == mark && !replaces: prefix = .always
            case "Replace"
            where stage["pattern"]?["String"]?.string == " " && stage["content"]?.string == mark:
                replaces = true
            case _ where prefix == .never && !replaces: first.append(stage)
            default:
                throw error(
                    "normalizer", "Prepend and Replace of spaces by \(mark) as the last",
                    describe(stage))
            }
        }
        for stage in stages(root["pre_tokenizer"], "pretokenizers") {
            if replaces, Self.cutsAtSpaces(stage) { continue }
            guard stage["type"]?.string == "Metaspace", stage["replacement"]?.string == mark,
                stage["split"]?.bool == false
            else {
                throw error(
                    "pre_tokenizer", "none, or Metaspace that does not split", describe(stage))
            }
            replaces = true
            switch stage["prepend_scheme"]?.string {
            case "always": prefix = .unlessThere
            case "first": prefix = .firstUnlessThere
            case "never": break
            default:
                throw error(
                    "pre_tokenizer", "prepend_scheme always, first or never", describe(stage))
            }
        }
        guard replaces else { throw error("normalizer", "spaces replaced by \(mark)", "none") }
        let steps = JSONObject([("type", .string("Sequence")), ("normalizers", .array(first))])
        return (try normalization(.object(steps)), prefix)
    }

    private func stages(_ value: JSONValue?, _ key: String) -> [JSONValue] {
        guard let value, value != .null else { return [] }
        return value["type"]?.string == "Sequence" ? value[key]?.array ?? [] : [value]
    }
}
