package import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What was typed before, oldest first, kept in a private file from run to run.
///
/// One entry a line, with `\n` for a line feed and `\\` for a backslash. Several chats may add at
/// once; each sees the others' entries when it starts.
package struct History {
    /// How many entries are kept.
    package static let limit = 1000
    /// Entries of more bytes than this are not kept in the file.
    static let largestEntry = 1 << 16

    package private(set) var entries: [String] = []
    /// Where the file is; nil when entries live only as long as the process.
    private let directory: PrivateDirectory?

    /// A history that no file keeps.
    package init() { directory = nil }

    /// The history in `directory`.
    ///
    /// - Throws: `FileError` when it cannot be kept there; a chat then goes on without.
    package init(in directory: PrivateDirectory) throws {
        self.directory = directory
        let path = try directory.file(Self.fileName)
        guard FilePath.kind(of: path) != .missing else { return }
        entries = try Self.read(path).suffix(Self.limit).map(Self.unescaped)
    }

    /// Adds an entry; what begins with a space, holds a secret or repeats the last one is left out.
    ///
    /// - Throws: `FileError` when the file cannot be written; the entry is remembered all the same.
    package mutating func add(_ entry: String) throws {
        let trailing = entry.reversed().prefix(while: \.isWhitespace).count
        let entry = String(entry.dropLast(trailing))
        guard Self.keeps(entry), entry != entries.last else { return }
        entries.append(entry)
        if entries.count > Self.limit { entries.removeFirst(entries.count - Self.limit) }
        guard let directory, entry.utf8.count <= Self.largestEntry else { return }
        try Self.append(Self.escaped(entry), in: directory)
    }

    /// Whether an entry is to be remembered.
    package static func keeps(_ entry: String) -> Bool {
        guard let first = entry.first, !first.isWhitespace else { return false }
        guard first == "/" else { return true }
        let secrets: Set = [
            "key", "apikey", "api-key", "api_key", "password", "passphrase", "secret", "token",
        ]
        return !entry.lowercased().split { $0.isWhitespace || $0 == "=" || $0 == "/" }.contains {
            secrets.contains(String($0))
        }
    }

    // MARK: The file

    private static let fileName = "history"

    private static func read(_ path: String) throws -> [Substring] {
        let text = String(decoding: try FileBytes.read(path, limit: 1 << 28), as: UTF8.self)
        // By scalars: the characters "\r\n" and line feed with a combining mark would hide ends.
        return text.unicodeScalars.split(separator: "\n").map(Substring.init)
    }

    private static func append(_ line: String, in directory: PrivateDirectory) throws {
        // Without the lock an entry could go to a file that another chat is replacing.
        let lock = try FileLock(path: directory.file("\(fileName).lock"), patience: 2)
        try withExtendedLifetime(lock) {
            // Made private if it was not there before.
            _ = try directory.file("\(fileName).lock")
            let path = try directory.file(fileName)
            let lines = FilePath.kind(of: path) == .missing ? [] : try read(path)
            if lines.count < limit {
                let file = try FileWriter(
                    path: path, flags: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
                defer { file.close() }
                try file.append("\(line)\n")
                try file.flush()
            } else {
                let kept = (lines + [Substring(line)]).suffix(limit).joined(separator: "\n")
                try AtomicFile.write(Array("\(kept)\n".utf8), to: path, mode: 0o600)
            }
        }
    }

    /// An entry as a line of the file: nothing in it can end the line or control a terminal.
    package static func escaped(_ entry: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in TerminalText.visible(entry).unicodeScalars {
            switch scalar {
            case "\n": line.append(contentsOf: "\\n".unicodeScalars)
            case "\\": line.append(contentsOf: "\\\\".unicodeScalars)
            default: line.append(scalar)
            }
        }
        return String(line)
    }

    /// The entry of a line, shown visibly whoever wrote the file.
    package static func unescaped(_ line: Substring) -> String {
        var entry = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in line.unicodeScalars {
            if isEscaped {
                isEscaped = false
                entry.append(scalar == "n" ? "\n" : scalar)
            } else if scalar == "\\" {
                isEscaped = true
            } else {
                entry.append(scalar)
            }
        }
        if isEscaped { entry.append("\\") }
        return TerminalText.visible(String(entry))
    }
}
