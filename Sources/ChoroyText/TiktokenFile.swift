import ChoroySystem

/// A `.tiktoken` file: a line for each token, its bytes in Base64, a space, its id. The ids are ranks.
///
/// The file names neither the pattern nor the special tokens; those of OpenAI's vocabularies are known by
/// the number of tokens.
enum TiktokenFile {
    private struct Known {
        let tokens: Int
        let pattern: PreTokenizer.Pattern
        let special: [(String, TokenID)]
    }

    /// Source: tiktoken 0.14, tiktoken_ext/openai_public.py
    private static let known = [
        Known(tokens: 50_256, pattern: .gpt2, special: [("<|endoftext|>", 50_256)]),
        Known(tokens: 50_280, pattern: .gpt2, special: [("<|endoftext|>", 50_256)]),
        Known(
            tokens: 100_256, pattern: .cl100k,
            special: [
                ("<|endoftext|>", 100_257), ("<|fim_prefix|>", 100_258),
                ("<|fim_middle|>", 100_259), ("<|fim_suffix|>", 100_260),
                ("<|endofprompt|>", 100_276),
            ]),
        Known(
            tokens: 199_998, pattern: .o200k,
            special: [("<|endoftext|>", 199_999), ("<|endofprompt|>", 200_018)]),
    ]

    /// The tokenizer in a file.
    ///
    /// - Throws: `FileError` for a file that is damaged, or of a vocabulary that is not known when no
    ///   `pattern` is given.
    static func read(_ path: String, pattern: PreTokenizer.Pattern?) throws -> Tokenizer {
        let bytes = try FileBytes.read(path, limit: 1 << 28)
        var reader = TiktokenReader(path: path)
        try reader.read(bytes)
        let known = known.first { $0.tokens == reader.count }
        guard let pattern = pattern ?? known?.pattern else {
            let names = PreTokenizer.Pattern.allCases.map(\.rawValue).joined(separator: ", ")
            throw FileError(
                path, expected: "a known vocabulary, or a pattern with --pattern: \(names)",
                found: "\(reader.count) tokens")
        }
        return try reader.tokenizer(pattern, special: known?.special ?? [])
    }

    /// The tokens that are not special, as such a file lists them.
    ///
    /// - Throws: `FileError` when ids are no ranks of the merges.
    static func bytes(of tokenizer: Tokenizer, for path: String) throws -> [UInt8] {
        guard tokenizer.normalization == nil, tokenizer.mergesAreRanks,
            tokenizer.sentencePiece == nil
        else {
            throw FileError(
                path,
                expected: "a tokenizer without normalization whose ids are the ranks of its merges",
                found: tokenizer.normalization == nil ? "other ids" : "a normalization")
        }
        var lines: [UInt8] = []
        let added = Set(tokenizer.added.tokens.map(\.id))
        for id in 0..<tokenizer.vocabularySize where !added.contains(TokenID(id)) {
            let token = Array(tokenizer.tokens.bytes(of: id))
            guard !token.isEmpty else { continue }
            lines += Base64.text(of: token)
            lines += " \(id)\n".utf8
        }
        return lines
    }
}

/// The tokens of a file while it is read.
private struct TiktokenReader {
    let path: String
    private(set) var count = 0
    /// Tokens in the order of the file, and their ids.
    private var table = TokenTable()
    private var ids: [TokenID] = []
    private var isAscending = true

    init(path: String) { self.path = path }

    mutating func read(_ bytes: [UInt8]) throws {
        table.reserve(bytes.count / 14, bytes: bytes.count / 2, listed: true)
        ids.reserveCapacity(bytes.count / 14)
        var line = 0
        var start = 0
        var token: [UInt8] = []
        while start < bytes.count {
            line += 1
            let end = bytes[start...].firstIndex(of: 10) ?? bytes.count
            defer { start = end + 1 }
            if start == end { continue }
            func fail(_ expected: String, _ found: ArraySlice<UInt8>) -> FileError {
                FileError(
                    path, at: "line \(line)", expected: expected,
                    found: String(decoding: found.prefix(40), as: UTF8.self).debugDescription)
            }
            guard let space = bytes[start..<end].firstIndex(of: 32) else {
                throw fail("a token in Base64, a space and a rank", bytes[start..<end])
            }
            guard Base64.decode(bytes[start..<space], into: &token), !token.isEmpty else {
                throw fail("a token in Base64", bytes[start..<space])
            }
            var rank = 0
            let digits = bytes[space + 1..<end]
            for digit in digits {
                guard (48...57).contains(digit), rank < BPETrainer.largestVocabulary else {
                    throw fail("a rank from 0 to \(BPETrainer.largestVocabulary - 1)", digits)
                }
                rank = rank * 10 + Int(digit - 48)
            }
            guard !digits.isEmpty, rank < BPETrainer.largestVocabulary else {
                throw fail("a rank from 0 to \(BPETrainer.largestVocabulary - 1)", digits)
            }
            if let last = ids.last, Int(last) >= rank { isAscending = false }
            table.append(token)
            guard table.list(ids.count) else { throw fail("each token once", bytes[start..<space]) }
            ids.append(TokenID(rank))
        }
        count = ids.count
        guard count > 0 else { throw FileError(path, expected: "tokens", found: "none") }
        try checkIDs()
    }

    private func checkIDs() throws {
        guard !isAscending else { return }
        var seen: Set<TokenID> = []
        for id in ids where !seen.insert(id).inserted {
            throw FileError(path, expected: "each rank once", found: "\(id) again")
        }
    }

    func tokenizer(
        _ pattern: PreTokenizer.Pattern, special: [(String, TokenID)]
    ) throws -> Tokenizer {
        var byID = [Int](repeating: -1, count: 1 + Int(ids.max() ?? 0))
        for (index, id) in ids.enumerated() { byID[Int(id)] = index }
        var names = [TokenID: String]()
        for (name, id) in special { names[id] = name }
        let size = max(byID.count, 1 + Int(special.map(\.1).max() ?? -1))
        var tokens = TokenTable()
        tokens.reserve(size, bytes: size * 8)
        for id in 0..<size {
            if let name = names[TokenID(id)] {
                tokens.append(name.utf8)
            } else if id < byID.count, byID[id] >= 0 {
                tokens.append(table.bytes(of: byID[id]))
            } else {
                tokens.append([])
            }
        }
        let byteTokens = (UInt8.min...UInt8.max).map { byte in
            table.id(of: [byte]).map { ids[Int($0)] } ?? -1
        }
        if let missing = byteTokens.firstIndex(of: -1) {
            throw FileError(
                path, expected: "a token for each of the 256 bytes",
                found: "none for byte \(missing)")
        }
        return Tokenizer(
            tokens: tokens, merges: [], byteTokens: byteTokens,
            added: special.map {
                .init(content: $0.0, id: $0.1, isSpecial: true, isNormalized: false)
            },
            pattern: pattern, ignoresMerges: true, mergesByRank: true)
    }
}
