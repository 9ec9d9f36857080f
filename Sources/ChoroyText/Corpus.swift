import ChoroySystem

/// Text files as documents of bytes.
public struct Corpus: Sendable {
    /// The line that separates documents within a file.
    public static let separator = "<|endoftext|>"

    /// Every document in the order of the files; none is empty.
    public let documents: [ArraySlice<UInt8>]
    /// Bytes of all documents, separators not counted.
    public let byteCount: Int

    /// Reads files, directories (their files in the order of their names, without those that begin
    /// with a dot) and "-" for standard input: plain text, JSON lines, or these compressed.
    ///
    /// - Throws: `FileError` for what cannot be read, what is not text (a NUL within the first
    ///   4,096 bytes) and when there is no text at all. Invalid UTF-8 in plain text is kept as it is.
    public init(at paths: [String], textField: String? = nil) throws {
        var documents: [ArraySlice<UInt8>] = []
        for path in try Self.files(at: paths) {
            var document: [UInt8] = []
            try DocumentReader.read(TextFile(path, textField: textField)) { event in
                switch event {
                case .bytes(let bytes): document += bytes
                case .end:
                    documents.append(document[...])
                    document = []
                }
            }
        }
        guard !documents.isEmpty else {
            throw FileError(
                paths.map { $0 == "-" ? "standard input" : $0 }.joined(separator: ", "),
                expected: "text", found: "none")
        }
        self.init(documents: documents)
    }

    /// The files that `paths` name: directories give those of their files that fit, in the order of
    /// their names.
    public static func files(
        at paths: [String], where fits: (_ name: String) -> Bool = { _ in true }
    ) throws -> [String] {
        try paths.flatMap { path in
            guard path != "-", FilePath.kind(of: path) == .directory else { return [path] }
            return try FilePath.list(path).filter { !$0.hasPrefix(".") && fits($0) }.map {
                FilePath.join(path, $0)
            }.filter { FilePath.kind(of: $0) == .file }
        }
    }

    /// The documents in `bytes`, which stand for one file of plain text.
    public init(_ bytes: [UInt8]) {
        self.init(documents: DocumentReader.ranges(in: bytes).map { bytes[$0] })
    }

    private init(documents: [ArraySlice<UInt8>]) {
        self.documents = documents
        byteCount = documents.reduce(0) { $0 + $1.count }
    }
}
