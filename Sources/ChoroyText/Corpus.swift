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
    /// with a dot) and "-" for standard input.
    ///
    /// - Throws: `FileError` for what cannot be read, what is not text (a NUL within the first
    ///   4,096 bytes) and when there is no text at all. Invalid UTF-8 is kept as it is.
    public init(at paths: [String]) throws {
        var documents: [ArraySlice<UInt8>] = []
        for name in try Self.files(at: paths) {
            let bytes = try FileBytes.read(name)
            if let place = bytes.prefix(4096).firstIndex(of: 0) {
                throw FileError(
                    Self.title(name), at: "byte \(place)", expected: "text", found: "a NUL byte")
            }
            documents += Self.documents(in: bytes)
        }
        guard !documents.isEmpty else {
            throw FileError(
                paths.map(Self.title).joined(separator: ", "), expected: "text", found: "none")
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

    /// The documents in `bytes`, which stand for one file.
    public init(_ bytes: [UInt8]) { self.init(documents: Self.documents(in: bytes)) }

    private init(documents: [ArraySlice<UInt8>]) {
        self.documents = documents
        byteCount = documents.reduce(0) { $0 + $1.count }
    }

    private static func title(_ path: String) -> String { path == "-" ? "standard input" : path }

    /// Splits at lines that consist of the separator alone; these lines belong to no document.
    private static func documents(in bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        let mark = Array(separator.utf8)
        var documents: [ArraySlice<UInt8>] = []
        var start = 0
        var line = 0
        func close(at end: Int) { if end > start { documents.append(bytes[start..<end]) } }
        while line < bytes.count {
            let isCandidate = bytes[line] == mark[0]
            var end = line
            while end < bytes.count && bytes[end] != 10 { end += 1 }
            let next = min(end + 1, bytes.count)
            if isCandidate {
                let text = bytes[line..<(end > line && bytes[end - 1] == 13 ? end - 1 : end)]
                if text.elementsEqual(mark) {
                    close(at: line)
                    start = next
                }
            }
            line = next
        }
        close(at: bytes.count)
        return documents
    }
}
