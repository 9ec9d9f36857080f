import ChoroySystem

/// Reads a `tokenizer.json`, and refuses by name what it asks for and Choroy does not have.
struct TokenizerFileReader {
    let path: String
    let root: JSONObject
    /// Names in the order of ids, and merges as "a b", of a tokenizer that another file has; empty names are none.
    private let names: ByteStrings?
    private let merges: ByteStrings?

    static func read(_ path: String) throws -> Tokenizer {
        let bytes = try FileBytes.read(path, limit: 1 << 28)
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

    /// Calls `body` with each name of the vocabulary, which may come twice, and its id.
    func forEachName(
        _ model: JSONValue, _ body: (ArraySlice<UInt8>, TokenID) throws -> Void
    ) throws {
        _ = try nameCount(model)
        if let names {
            for id in 0..<names.count where !names[id].isEmpty {
                try body(names[id], TokenID(id))
            }
            return
        }
        try model["vocab"]?.source?.forEachMember { name, reader in
            let value = try reader.value()
            try body(name, try id(value, "vocab \(describe(name))"))
        }
    }

    private func nameCount(_ model: JSONValue) throws -> Int {
        let source = model["vocab"]?.source
        guard let count = names?.count ?? (source?.isObject == true ? source?.count : nil) else {
            throw error("model", "vocab as an object", model["vocab"]?.kind ?? "none")
        }
        guard count <= BPETrainer.largestVocabulary else {
            throw error("model", "at most \(BPETrainer.largestVocabulary) tokens", "\(count)")
        }
        return count
    }

    func describe(_ name: ArraySlice<UInt8>) -> String {
        describe(.string(String(decoding: name, as: UTF8.self)))
    }

    /// The bytes of every id, and the ids of the names that are of the byte alphabet.
    private func vocabulary(_ model: JSONValue, added: [AddedTokens.Token]) throws -> (
        table: TokenTable, names: TokenNames
    ) {
        var contents: [TokenID: [UInt8]] = [:]
        var addedIDs: [[UInt8]: TokenID] = [:]
        var addedLengths: Set<Int> = []
        var size = 0
        for token in added {
            let content = Array(token.content.utf8)
            contents[token.id] = content
            addedIDs[content] = token.id
            addedLengths.insert(content.count)
            size = max(size, Int(token.id) + 1)
        }
        var names = TokenNames(capacity: try nameCount(model))
        // What names spell, one after another, and where that of each id begins and ends.
        var spelled: [UInt8] = []
        var ranges: [Range<Int>?] = []
        try forEachName(model) { name, id in
            var place: String { "vocab \(describe(name))" }
            if Int(id) >= ranges.count {
                ranges += repeatElement(nil, count: Int(id) + 1 - ranges.count)
            }
            if addedLengths.contains(name.count), let other = addedIDs[Array(name)], other != id {
                throw error(place, "id \(other)", "\(id)")
            }
            let content = contents[id]
            guard ranges[Int(id)] == nil, content.map({ $0.elementsEqual(name) }) ?? true else {
                throw error(place, "each id once", "\(id) again")
            }
            let start = spelled.count
            if ByteAlphabet.append(bytesOf: name, to: &spelled) {
                // GGUF files may have a name twice, which stands for the first.
                guard names.add(name, id) || self.names != nil else {
                    throw error(place, "each token once", "it again")
                }
            } else if content == nil {
                throw error(place, "characters of the byte-level alphabet", "others")
            }
            ranges[Int(id)] = start..<spelled.count
        }
        size = max(size, ranges.count, self.names?.count ?? 0)
        var table = TokenTable()
        table.reserve(size, bytes: spelled.count)
        for id in 0..<size {
            if let content = contents[TokenID(id)] {
                table.append(content)
            } else {
                table.append(spelled[(id < ranges.count ? ranges[id] : nil) ?? 0..<0])
            }
        }
        return (table, names)
    }

    // MARK: Merges

    /// Why two names make no merge.
    struct NoMerge: Error {
        let expected: String
    }

    /// Reads the merges in their order: `body` is told the names of both sides, and makes a merge of them.
    func merges(
        _ model: JSONValue,
        _ body: (_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) throws(NoMerge)
            -> MergeTable.Merge
    ) throws -> [MergeTable.Merge] {
        let source = model["merges"]?.source
        let given = self.merges
        guard let count = given?.count ?? (source?.isArray == true ? source?.count : nil) else {
            throw error("model", "merges as an array", model["merges"]?.kind ?? "none")
        }
        guard count <= MergeTable.mostMerges else {
            throw error("model", "at most \(MergeTable.mostMerges) merges", "\(count)")
        }
        var seen: Set<UInt64> = []
        seen.reserveCapacity(count)
        var merges: [MergeTable.Merge] = []
        merges.reserveCapacity(count)
        func add(_ sides: Sides?, _ entry: () -> JSONValue) throws {
            func fail(_ expected: String, _ again: String = "") -> FileError {
                error("merge \(merges.count + 1)", expected, describe(entry()) + again)
            }
            guard let (left, right) = sides else { throw fail("two tokens") }
            let merge: MergeTable.Merge
            do { merge = try body(left, right) } catch { throw fail(error.expected) }
            guard seen.insert(MergeTable.key(merge.left, merge.right)).inserted else {
                throw fail("each merge once", " again")
            }
            merges.append(merge)
        }
        if let given {
            for index in 0..<given.count {
                let text = given[index]
                try add(Self.sides(text)) { .string(String(decoding: text, as: UTF8.self)) }
            }
            return merges
        }
        try source?.forEachElement { reader in
            var before = reader
            try add(try Self.sides(&reader)) { (try? before.value()) ?? .null }
        }
        return merges
    }

    private typealias Sides = (left: ArraySlice<UInt8>, right: ArraySlice<UInt8>)

    private static func sides(_ text: ArraySlice<UInt8>) -> Sides? {
        text.firstIndex(of: 32).map { (text[..<$0], text[($0 + 1)...]) }
    }

    /// The two sides of a merge: `["a", "b"]`, or "a b" as older files have it.
    private static func sides(_ reader: inout JSONReader) throws -> Sides? {
        if let text = try reader.stringBytes() { return sides(text) }
        guard reader.isArray else { return nil }
        var left: ArraySlice<UInt8>?
        var right: ArraySlice<UInt8>?
        var isPair = true
        try reader.elements { reader in
            guard let side = try reader.stringBytes() else {
                _ = try reader.value()
                isPair = false
                return
            }
            if left == nil { left = side } else { isPair = isPair && right == nil; right = side }
        }
        guard isPair, let left, let right else { return nil }
        return (left, right)
    }

    private func merges(
        _ model: JSONValue, names: TokenNames, added: [AddedTokens.Token]
    ) throws -> [MergeTable.Merge] {
        let specials = Set(added.lazy.filter(\.isSpecial).map(\.id))
        var name: [UInt8] = []
        return try merges(model) { left, right throws(NoMerge) in
            name.removeAll(keepingCapacity: true)
            name += left
            name += right
            guard let leftID = names.id(of: left), let rightID = names.id(of: right) else {
                throw NoMerge(expected: "tokens of the vocabulary")
            }
            guard let result = names.id(of: name[...]) else {
                throw NoMerge(expected: "a result in the vocabulary")
            }
            guard !specials.contains(result) else {
                throw NoMerge(expected: "a result that is no special token")
            }
            return .init(left: leftID, right: rightID, result: result)
        }
    }
}

/// Ids by their names in the file.
struct TokenNames {
    private var table = TokenTable()
    private var ids: [TokenID] = []

    init(capacity: Int) {
        table.reserve(capacity, bytes: 8 * capacity, listed: true)
        ids.reserveCapacity(capacity)
    }

    /// False when the name is there already.
    mutating func add(_ name: ArraySlice<UInt8>, _ id: TokenID) -> Bool {
        table.append(name)
        ids.append(id)
        return table.list(ids.count - 1)
    }

    func id(of name: ArraySlice<UInt8>) -> TokenID? { table.id(of: name).map { ids[Int($0)] } }
}
