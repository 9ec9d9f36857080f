import ChoroySystem

/// A file of text that is read piece by piece, as often as needed: plain, or JSON lines, each of them
/// compressed with gzip or not.
public final class TextFile: Sendable {
    public enum Format: String, Sendable {
        /// Bytes; a line that is only `<|endoftext|>` separates documents.
        case plain
        /// One JSON object a line, whose text field is a document.
        case jsonLines
    }

    /// The path as it was given.
    public let path: String
    public let format: Format
    /// The member of each line's object that is a document, for JSON lines.
    public let textField: String
    /// A copy of what can be read only once: standard input, or a pipe.
    private let copy: RandomAccessFile?

    /// A file whose name ends in `.jsonl`, `.ndjson` or one of these and `.gz` is JSON lines;
    /// standard input is when `textField` is given.
    ///
    /// - Throws: `FileError` when standard input or a pipe cannot be read. Others are read later.
    public init(_ path: String, textField: String? = nil) throws {
        self.path = path
        let name = path.lowercased()
        let bare = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        let isJSON = bare.hasSuffix(".jsonl") || bare.hasSuffix(".ndjson")
        format = isJSON || (path == "-" && textField != nil) ? .jsonLines : .plain
        self.textField = textField ?? "text"
        let isStream = path == "-" || FilePath.kind(of: path) == .other
        copy = isStream ? try RandomAccessFile(copyOf: path) : nil
    }

    /// The files that `paths` name, as `Corpus.files` lists them.
    public static func files(at paths: [String], textField: String? = nil) throws -> [TextFile] {
        try Corpus.files(at: paths).map { try TextFile($0, textField: textField) }
    }

    /// The name for messages.
    public var title: String { path == "-" ? "standard input" : path }

    /// Bytes of the file as it lies on the disk.
    public var size: Int { copy?.size ?? FilePath.size(of: path) ?? 0 }

    /// Gives the bytes as they lie in the file.
    ///
    /// - Throws: `FileError` when the file cannot be read, and what `body` throws.
    public func forEachStoredPiece(_ body: ([UInt8]) throws -> Void) throws {
        guard let copy else { return try FileBytes.forEachPiece(of: path, body) }
        var place = 0
        while place < copy.size {
            let piece = try copy.read(min(1 << 18, copy.size - place), at: place)
            try body(piece)
            place += piece.count
        }
    }

    /// Gives the text of the file, decompressed.
    ///
    /// - Throws: `FileError` when the file cannot be read or its gzip data is damaged or cut off,
    ///   and what `body` throws.
    public func forEachPiece(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
        var decoder: GzipDecoder?
        var isFirst = true
        try forEachStoredPiece { piece in
            if isFirst && GzipDecoder.recognizes(piece) { decoder = try GzipDecoder(path: title) }
            isFirst = false
            if let decoder {
                try decoder.decode(piece, body)
            } else {
                try body(piece[...])
            }
        }
        try decoder?.finish()
    }
}
