import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads the documents of text files piece by piece, in memory that does not depend on their sizes.
public struct DocumentReader {
    /// What is read next.
    public enum Event {
        /// More bytes of the present document; at least one.
        case bytes(ArraySlice<UInt8>)
        /// The document is whole. Every document has at least one byte.
        case end
    }

    /// Most bytes of a line of JSON.
    public static let longestLine = 1 << 26

    private let file: TextFile
    private let body: (Event, _ line: Int) throws -> Void
    private var byteCount = 0
    private var isOpen = false
    /// Bytes that may be the beginning of a separator (plain), or the present line (JSON lines).
    private var pending: [UInt8] = []
    /// Plain text: what follows continues a line that is no separator.
    private var isInLine = false
    /// JSON lines: the number of the present line; plain text: how many separators were passed.
    private var line = 0
    private static let mark = Array(Corpus.separator.utf8)

    private init(_ file: TextFile, _ body: @escaping (Event, _ line: Int) throws -> Void) {
        self.file = file
        self.body = body
    }

    /// Gives every document of `file`.
    ///
    /// - Throws: `FileError` for a file that cannot be read, is damaged, has a NUL byte within its
    ///   first 4,096, or a line that is no JSON object with the text field; and what `body` throws.
    public static func read(_ file: TextFile, _ body: (Event) throws -> Void) throws {
        try read(file) { event, _ in try body(event) }
    }

    /// The same for those who need to know where a document stood: of JSON lines the number of its line,
    /// of plain text the separators before it, which are lines too.
    package static func read(
        _ file: TextFile, locating body: (Event, _ line: Int) throws -> Void
    ) throws {
        try withoutActuallyEscaping(body) { body in
            var reader = DocumentReader(file, body)
            try file.forEachPiece { piece in
                try reader.checkIsText(piece)
                switch file.format {
                case .plain: try reader.readPlain(piece)
                case .jsonLines: try reader.readLines(piece)
                }
            }
            switch file.format {
            case .plain: try reader.finishPlain()
            case .jsonLines: try reader.finishLine()
            }
        }
    }

    /// The documents in `bytes`, which are plain text: their ranges.
    static func ranges(in bytes: [UInt8]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var open: Int?
        var line = 0
        while line < bytes.count {
            let end = bytes[line...].firstIndex(of: 10) ?? bytes.count
            let next = min(end + 1, bytes.count)
            if isSeparator(bytes[line..<end]) {
                if let start = open { ranges.append(start..<line) }
                open = nil
            } else if open == nil {
                open = line
            }
            line = next
        }
        if let start = open { ranges.append(start..<bytes.count) }
        return ranges
    }

    /// Whether a line, without its end, is a separator.
    private static func isSeparator(_ line: ArraySlice<UInt8>) -> Bool {
        guard line.first == mark[0] else { return false }
        return (line.last == 13 ? line.dropLast() : line).elementsEqual(mark)
    }

    private mutating func checkIsText(_ piece: ArraySlice<UInt8>) throws {
        if byteCount < 4096, let place = piece.prefix(4096 - byteCount).firstIndex(of: 0) {
            throw FileError(
                file.title, at: "byte \(byteCount + place - piece.startIndex)", expected: "text",
                found: "a NUL byte")
        }
        byteCount += piece.count
    }

    private mutating func emit(_ bytes: ArraySlice<UInt8>) throws {
        guard !bytes.isEmpty else { return }
        isOpen = true
        try body(.bytes(bytes), line)
    }

    private mutating func endDocument() throws {
        if isOpen { try body(.end, line) }
        isOpen = false
    }

    // MARK: - Plain text

    private mutating func readPlain(_ piece: ArraySlice<UInt8>) throws {
        let piece = pending.isEmpty ? piece : (pending + piece)[...]
        pending = []
        var start = piece.startIndex
        var line = piece.startIndex
        while line < piece.endIndex {
            guard let end = Self.lineEnd(in: piece, from: line) else {
                // Only a line that may become a separator waits for its end.
                let rest = piece[line...]
                if !isInLine, Self.mayBeSeparator(rest) {
                    try emit(piece[start..<line])
                    pending = Array(rest)
                } else {
                    isInLine = true
                    try emit(piece[start...])
                }
                return
            }
            if !isInLine, Self.isSeparator(piece[line..<end]) {
                try emit(piece[start..<line])
                try endDocument()
                self.line += 1
                start = end + 1
            }
            isInLine = false
            line = end + 1
        }
        try emit(piece[start...])
    }

    private static func mayBeSeparator(_ line: ArraySlice<UInt8>) -> Bool {
        line.count <= mark.count
            ? mark.starts(with: line) : isSeparator(line) && line.count == mark.count + 1
    }

    private static func lineEnd(in piece: ArraySlice<UInt8>, from start: Int) -> Int? {
        unsafe piece.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return nil }
            let offset = start - piece.startIndex
            guard let found = unsafe memchr(base + offset, 10, bytes.count - offset) else {
                return nil
            }
            let distance = unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
            return piece.startIndex + distance
        }
    }

    private mutating func finishPlain() throws {
        if !Self.isSeparator(pending[...]) { try emit(pending[...]) }
        try endDocument()
    }

    // MARK: - JSON lines

    private mutating func readLines(_ piece: ArraySlice<UInt8>) throws {
        var start = piece.startIndex
        while let end = Self.lineEnd(in: piece, from: start) {
            try extendLine(piece[start..<end])
            try finishLine()
            start = end + 1
        }
        try extendLine(piece[start...])
    }

    private mutating func extendLine(_ bytes: ArraySlice<UInt8>) throws {
        pending += bytes
        guard pending.count <= Self.longestLine else {
            throw FileError(
                file.title, at: "line \(line + 1)",
                expected: "at most \(Self.longestLine) bytes", found: "more")
        }
    }

    private mutating func finishLine() throws {
        line += 1
        defer { pending.removeAll(keepingCapacity: pending.capacity <= 1 << 20) }
        guard !pending.allSatisfy({ $0 == 32 || $0 == 9 || $0 == 13 }) else { return }
        let value: JSONValue
        do {
            value = try JSONReader.parse(pending, path: file.title)
        } catch let error as FileError {
            throw FileError(
                error.path, at: "line \(line)" + (error.place.map { ", \($0)" } ?? ""),
                expected: error.expected, found: error.found)
        }
        guard let text = value[file.textField]?.string else {
            throw FileError(
                file.title, at: "line \(line)",
                expected: "an object with a string named \"\(file.textField)\"",
                found: value.object == nil
                    ? value.kind : value[file.textField]?.kind ?? "none of that name")
        }
        try emit(Array(text.utf8)[...])
        try endDocument()
    }
}
