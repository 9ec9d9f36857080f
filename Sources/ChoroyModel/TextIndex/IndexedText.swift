internal import ChoroySystem
public import ChoroyText

/// A text as an index is made of it: the tokens of all documents one behind another, and where they stood.
///
/// A mark stands before the first document and behind each: what ends a sequence of the vocabulary, or the
/// number after the last token when there is none, which no model predicts.
public struct IndexedText: Sendable {
    public let vocabulary: NGramVocabulary
    /// What the tokens are of, unless they are bytes, characters or words.
    let tokenizer: Tokenizer?
    /// The names of the files, as they were given.
    public private(set) var files: [String] = []
    public private(set) var tokens: [TokenID]
    private(set) var documents: [Document] = []
    public var documentCount: Int { documents.count }
    /// The first tokens of lines, but not of the documents' first lines, ascending; a line inside a token has
    /// the one behind.
    private(set) var lineStarts: [UInt32] = []
    /// For each token how many line feeds are in it.
    private let lineFeeds: [UInt8]
    /// What stands between documents.
    let mark: TokenID

    /// Where a document begins.
    struct Document: Sendable, Equatable {
        /// Its first token.
        var start: UInt32
        /// The number of its file.
        var file: UInt32
        /// The number of its first line there, from 1.
        var line: UInt32
        /// Whether all of it stands in that line, as a string of JSON.
        var isOneLine: Bool
    }

    /// A document as bytes.
    private struct Source {
        var bytes: [UInt8]
        var file: Int
        var line: Int
        var isOneLine: Bool
    }

    /// More tokens than this have no index.
    public static let maximumTokens = Int(Int32.max) - 1

    /// Reads files as `Corpus` does.
    ///
    /// - Parameters:
    ///   - unit: What a token is; `.token` stands for those of `tokenizer`.
    ///   - progress: Told the bytes of text that are done.
    /// - Throws: `FileError` for what cannot be read, no text, and too much of it.
    public init(
        at paths: [String], unit: NGramVocabulary.Unit, tokenizer: Tokenizer?,
        textField: String? = nil, progress: (Int) -> Void = { _ in }
    ) throws {
        precondition((unit == .token) == (tokenizer != nil), "\(unit) and a tokenizer")
        let names = try Corpus.files(at: paths)
        let title = names.map { $0 == "-" ? "standard input" : $0 }.joined(separator: ", ")
        var text: IndexedText
        switch unit {
        case .token, .byte:
            let vocabulary = tokenizer.map { NGramVocabulary(tokens: $0) } ?? .bytes
            text = IndexedText(vocabulary, tokenizer)
            try Self.read(names, textField, progress) { source in
                try text.append(vocabulary.encode(source.bytes), source, title)
            }
        case .word, .character:
            // The vocabulary is known when all of the text is.
            var sources: [Source] = []
            try Self.read(names, textField, progress) { sources.append($0) }
            let documents = sources.map { $0.bytes[...] }
            if unit == .word {
                let (vocabulary, ids) = NGramVocabulary.words(of: documents)
                text = IndexedText(vocabulary, nil)
                for (source, ids) in zip(sources, ids) { try text.append(ids, source, title) }
            } else {
                let vocabulary = NGramVocabulary.characters(of: documents)
                text = IndexedText(vocabulary, nil)
                for source in sources {
                    try text.append(vocabulary.encode(source.bytes), source, title)
                }
            }
        }
        guard !text.documents.isEmpty else {
            throw FileError(title, expected: "text", found: "none")
        }
        text.files = names.map { $0 == "-" ? "standard input" : $0 }
        self = text
    }

    private init(_ vocabulary: NGramVocabulary, _ tokenizer: Tokenizer?) {
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        mark = vocabulary.endToken ?? TokenID(vocabulary.vocabularySize)
        tokens = [mark]
        lineFeeds = (0..<TokenID(vocabulary.vocabularySize)).map { id in
            UInt8(clamping: vocabulary.bytes(of: id).count { $0 == 10 })
        }
    }

    /// Gives the documents of files, and where they stand.
    private static func read(
        _ names: [String], _ textField: String?, _ progress: (Int) -> Void,
        _ body: (Source) throws -> Void
    ) throws {
        var done = 0
        for (number, name) in names.enumerated() {
            let file = try TextFile(name, textField: textField)
            let isJSON = file.format == .jsonLines
            var source = Source(bytes: [], file: number, line: 1, isOneLine: isJSON)
            var lines = 0
            try DocumentReader.read(file) { event, line in
                switch event {
                case .bytes(let bytes):
                    source.bytes += bytes
                    done += bytes.count
                    progress(done)
                case .end:
                    source.line = isJSON ? line : 1 + line + lines
                    lines += source.bytes.count { $0 == 10 }
                    try body(source)
                    source.bytes = []
                }
            }
        }
    }

    private mutating func append(_ ids: [TokenID], _ source: Source, _ title: String) throws {
        guard tokens.count + ids.count < Self.maximumTokens else {
            throw FileError(
                title, expected: "at most \(Self.maximumTokens) tokens", found: "more")
        }
        let start = tokens.count
        guard let line = UInt32(exactly: source.line) else {
            throw FileError(
                files.isEmpty ? title : files[source.file], expected: "fewer than 2^32 lines",
                found: "\(source.line)")
        }
        documents.append(
            Document(
                start: UInt32(start), file: UInt32(source.file), line: line,
                isOneLine: source.isOneLine))
        tokens += ids
        if !source.isOneLine {
            for (index, id) in ids.enumerated() where lineFeeds[Int(id)] > 0 {
                for _ in 0..<lineFeeds[Int(id)] { lineStarts.append(UInt32(start + index + 1)) }
            }
        }
        // A line of words has its end already.
        if tokens.last != mark || tokens.count == start { tokens.append(mark) }
    }
}
