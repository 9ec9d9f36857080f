public import ChoroySystem
public import ChoroyText

/// Text files as sequences of an n-gram model's tokens, read piece by piece.
public struct NGramCorpus: Sendable {
    public private(set) var vocabulary: NGramVocabulary
    public private(set) var sequences: NGramSequences

    /// Reads the files.
    ///
    /// - Parameters:
    ///   - unit: What a token is; with `token` the tokenizer is needed.
    ///   - joinsLines: Whether a document of words is one sequence, not each line of it.
    ///   - workspace: Where the tokens find memory.
    ///   - progress: Called now and then with the bytes read so far.
    /// - Throws: `FileError` for a file that cannot be read or is no text.
    public init(
        _ files: [TextFile], unit: NGramVocabulary.Unit, tokenizer: Tokenizer? = nil,
        joinsLines: Bool = false, in workspace: Workspace = .unlimited,
        progress: (Int) -> Void = { _ in }
    ) throws {
        switch unit {
        case .word:
            vocabulary = NGramVocabulary(words: NGramVocabulary.emptyWords)
        case .byte: vocabulary = .bytes
        case .token:
            guard let tokenizer else { preconditionFailure("tokens of no tokenizer") }
            vocabulary = NGramVocabulary(tokens: tokenizer)
        case .character:
            var scalars: Set<Unicode.Scalar> = []
            try Self.forEachWhole(of: files, cut: Self.endOfCharacters) { piece, _ in
                if let piece { CharacterTable.collect(piece, into: &scalars) }
            }
            vocabulary = NGramVocabulary(.character, CharacterTable(scalars: scalars))
        }
        // Words are numbered as they come; how many there are is known at the end.
        sequences = NGramSequences(
            vocabularySize: unit == .word ? Int(Int32.max) - 1 : vocabulary.vocabularySize,
            endToken: vocabulary.endToken, in: workspace)
        switch unit {
        case .word: try readWords(files, joinsLines: joinsLines, progress)
        case .byte, .character:
            try Self.forEachWhole(of: files, cut: Self.endOfCharacters) { piece, done in
                if let piece {
                    sequences.extend(vocabulary.encode(piece))
                } else {
                    sequences.endDocument()
                }
                progress(done)
            }
        case .token:
            guard let tokenizer else { return }
            var stream = EncodingStream(tokenizer)
            try Self.forEachWhole(of: files, cut: { $0.count }) { piece, done in
                if let piece {
                    sequences.extend(stream.append(piece))
                } else {
                    sequences.extend(stream.finish())
                    sequences.endDocument()
                }
                progress(done)
            }
        }
    }

    private mutating func readWords(
        _ files: [TextFile], joinsLines: Bool, _ progress: (Int) -> Void
    ) throws {
        var table = NGramVocabulary.emptyWords
        var ids: [TokenID] = []
        try Self.forEachWhole(of: files, cut: Self.endOfWords) { piece, done in
            guard let piece else { return sequences.endDocument() }
            ids.removeAll(keepingCapacity: true)
            NGramVocabulary.learnWords(piece[...], into: &table, &ids, joinsLines: joinsLines)
            sequences.extend(ids)
            progress(done)
        }
        vocabulary = NGramVocabulary(words: table)
        sequences.setVocabularySize(table.count)
    }

    /// Calls `body` with the text of each document, in pieces that end where `cut` says, and with nil at its end.
    private static func forEachWhole(
        of files: [TextFile], cut: (ArraySlice<UInt8>) -> Int,
        _ body: ([UInt8]?, _ done: Int) throws -> Void
    ) throws {
        var rest: [UInt8] = []
        var done = 0
        for file in files {
            try DocumentReader.read(file) { event in
                switch event {
                case .bytes(let bytes):
                    done += bytes.count
                    rest += bytes
                    // Fewer and larger pieces.
                    if rest.count < 1 << 20 { return }
                    let end = cut(rest[...])
                    if end == 0 { return }
                    try body(Array(rest[..<end]), done)
                    rest.removeFirst(end)
                case .end:
                    if !rest.isEmpty { try body(rest, done) }
                    rest.removeAll(keepingCapacity: true)
                    try body(nil, done)
                }
            }
        }
    }

    /// Up to where a text's words are whole.
    private static func endOfWords(_ bytes: ArraySlice<UInt8>) -> Int {
        (bytes.lastIndex { $0 == 32 || $0 == 10 } ?? -1) + 1
    }

    /// Up to where a text's characters are whole.
    private static func endOfCharacters(_ bytes: ArraySlice<UInt8>) -> Int {
        // A character has at most three bytes that go on.
        for place in bytes.indices.suffix(4).reversed() where bytes[place] & 0xC0 != 0x80 {
            return bytes[place] < 0x80 ? place + 1 : place
        }
        return bytes.count
    }
}
