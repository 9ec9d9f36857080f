import ChoroySystem

/// The long lists of a tokenizer: names with their ids, and merges.
extension TokenizerFileReader {
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
    func vocabulary(_ model: JSONValue, added: [AddedTokens.Token]) throws -> (
        table: TokenTable, names: TokenNames
    ) {
        var size = added.reduce(0) { max($0, Int($1.id) + 1) }
        // Contents of added tokens by their ids, and what tells most names from them.
        var contents = [[UInt8]?](repeating: nil, count: size)
        var addedIDs: [[UInt8]: TokenID] = [:]
        var areLengths = [Bool](
            repeating: false, count: added.reduce(0) { max($0, $1.content.utf8.count) } + 1)
        for token in added {
            let content = Array(token.content.utf8)
            contents[Int(token.id)] = content
            addedIDs[content] = token.id
            areLengths[content.count] = true
        }
        func content(_ id: Int) -> [UInt8]? { id < contents.count ? contents[id] : nil }
        var names = TokenNames(capacity: try nameCount(model))
        // What names spell, one after another, and where that of each id begins and ends.
        var spelled: [UInt8] = []
        var ranges: [Range<Int>?] = []
        try forEachName(model) { name, id in
            var place: String { "vocab \(describe(name))" }
            if Int(id) >= ranges.count {
                ranges += repeatElement(nil, count: Int(id) + 1 - ranges.count)
            }
            if name.count < areLengths.count, areLengths[name.count],
                let other = addedIDs[Array(name)], other != id
            {
                throw error(place, "id \(other)", "\(id)")
            }
            let content = content(Int(id))
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
            if let content = content(id) {
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
        var seen = SeenMerges()
        var merges: [MergeTable.Merge] = []
        merges.reserveCapacity(count)
        func add(_ sides: Sides?, _ entry: () -> JSONValue) throws {
            func fail(_ expected: String, _ again: String = "") -> FileError {
                error("merge \(merges.count + 1)", expected, describe(entry()) + again)
            }
            guard let (left, right) = sides else { throw fail("two tokens") }
            let merge: MergeTable.Merge
            do { merge = try body(left, right) } catch { throw fail(error.expected) }
            guard seen.insert(merge) else {
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

    func merges(
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

/// Which merges have been read.
///
/// A token is nearly always made by one merge, so that a table by what they make answers without a hash.
private struct SeenMerges {
    /// The first merge that makes each id, by its key.
    private var first: [UInt64?] = []
    private var others: Set<UInt64> = []

    /// False when the same two have been merged before.
    mutating func insert(_ merge: MergeTable.Merge) -> Bool {
        let result = Int(merge.result)
        let key = MergeTable.key(merge.left, merge.right)
        if result >= first.count {
            first += repeatElement(nil, count: result + 1 - first.count)
        }
        guard let other = first[result] else {
            first[result] = key
            return true
        }
        return other != key && others.insert(key).inserted
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
