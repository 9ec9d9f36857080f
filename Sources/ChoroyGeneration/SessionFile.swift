import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A conversation and the file that keeps it: one JSON line for each event, only ever appended.
///
/// An event is on the disk when `append` returns. A process that is killed, or a disk that is full,
/// leaves at most a part of the last line; the next one to open the file takes that away and has all
/// that was there before. One process at a time has the file.
public final class SessionFile {
    public let name: String
    public let path: String
    public private(set) var conversation: ChatHistory

    private let lock: FileLock
    /// Bytes of whole lines in the file; nil while there is no file.
    private var length: Int?
    /// Lines that are not in the file yet: the first message brings the header, and a line that could not
    /// be written comes with the next.
    private var pending: [UInt8]

    /// Bytes that a file may have.
    static let limit = 1 << 30

    /// A conversation that is not stored yet, or what the file of that name holds.
    ///
    /// - Throws: `FileError` when another process has it, when it is a link or somebody else's, or with
    ///   the line where it is damaged.
    init(_ name: String, in directory: PrivateDirectory, settings: ChatHistory.Settings) throws {
        self.name = name
        // Made private by the second look, when it was made by the lock.
        lock = try Self.lock(name, in: directory)
        path = try directory.file("\(name).\(SessionStore.pathExtension)")
        conversation = ChatHistory(settings)
        pending = []
        if FilePath.kind(of: path) == .missing {
            pending = Self.line(SessionJSON.header(settings, time: Self.time))
            return
        }
        let (stored, length, isWhole) = try Self.read(path)
        guard let stored else {
            // Not even the header was written.
            pending = Self.line(SessionJSON.header(settings, time: Self.time))
            try write([], after: 0)
            return
        }
        conversation = stored
        try write(isWhole ? [] : [10], after: length)
    }

    private static func lock(_ name: String, in directory: PrivateDirectory) throws -> FileLock {
        let file = ".\(name).lock"
        do {
            let lock = try FileLock(path: directory.file(file))
            _ = try directory.file(file)
            return lock
        } catch let error as FileError where error.expected == "a lock that nobody holds" {
            throw FileError(
                "session \(name)", expected: "a conversation that no other chat is in",
                found: error.found)
        }
    }

    /// Whether anything of the conversation is in the file.
    public var isStored: Bool { length != nil }

    /// Lets events happen, and has them on the disk.
    ///
    /// Settings wait for the first message, so that a chat that says nothing leaves no file.
    /// - Throws: `FileError` when they cannot be written; they have happened all the same, and are
    ///   written with the next.
    public func append(_ events: ChatHistory.Event...) throws {
        var isUrgent = false
        for event in events {
            conversation.apply(event)
            pending += Self.line(SessionJSON.event(event, time: Self.time))
            if case .settings = event, !isStored { continue }
            isUrgent = true
        }
        if isUrgent { try save() }
    }

    /// Begins with all that happened in another conversation.
    /// - Precondition: nothing has happened in this one.
    public func take(_ other: ChatHistory) throws {
        precondition(conversation.entries.isEmpty && !isStored, "take: \(name) has begun")
        conversation = ChatHistory(other.settings)
        pending = Self.line(SessionJSON.header(other.settings, time: Self.time))
        for event in other.events {
            conversation.apply(event)
            pending += Self.line(SessionJSON.event(event, time: Self.time))
        }
        try save()
    }

    /// Writes what waits.
    public func save() throws {
        guard !pending.isEmpty else { return }
        try write(pending, after: length ?? 0)
        pending = []
    }

    /// Appends bytes to the first `count` of the file, which are all that is whole.
    private func write(_ bytes: [UInt8], after count: Int) throws {
        let isNew = FilePath.kind(of: path) == .missing
        let file = try FileWriter(
            path: path, flags: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
        defer { file.close() }
        if (FilePath.size(of: path) ?? 0) > count { try file.truncate(to: count) }
        do {
            try file.append(bytes)
            try file.sync()
        } catch {
            try? file.truncate(to: count)
            throw error
        }
        if isNew { try AtomicFile.syncDirectory(of: path) }
        length = count + bytes.count
    }

    private static func line(_ value: JSONValue) -> [UInt8] { JSONWriter.bytes(value) + [10] }
    private static var time: Int { Machine.unixTime() }

    // MARK: Reading

    /// What the file at `path` holds.
    ///
    /// `length` counts the bytes of its lines without a part of a line at the end; `isWhole` tells
    /// whether the last of them has its end. There is no conversation when not even the header is whole.
    static func read(_ path: String) throws -> (
        conversation: ChatHistory?, length: Int, isWhole: Bool
    ) {
        let bytes = try FileBytes.read(path, limit: limit)
        var conversation: ChatHistory?
        var start = 0
        var number = 0
        while start < bytes.count {
            number += 1
            let end = bytes[start...].firstIndex(of: 10)
            let line = bytes[start..<(end ?? bytes.count)]
            let value: JSONValue
            do {
                value = try JSONReader.parse(line, path: path)
            } catch let error as FileError {
                // The last line may have been cut off as it was written.
                let mayBeCut = conversation != nil || Self.header.starts(with: line.prefix(20))
                if end == nil && mayBeCut { return (conversation, start, true) }
                throw FileError(
                    path, at: "line \(number), \(error.place ?? "")", expected: error.expected,
                    found: error.found)
            }
            try take(value, &conversation, path: path, at: "line \(number)")
            guard let end else { return (conversation, bytes.count, false) }
            start = end + 1
        }
        return (conversation, bytes.count, true)
    }

    /// What every file begins with.
    private static let header = "{\"format\":\"\(SessionJSON.format)\"".utf8

    private static func take(
        _ value: JSONValue, _ conversation: inout ChatHistory?, path: String, at place: String
    ) throws {
        guard let known = conversation else {
            conversation = ChatHistory(
                try SessionJSON.settings(header: value, path: path, at: place))
            return
        }
        let event = try SessionJSON.event(value, path: path, at: place)
        if let problem = known.problem(with: event) {
            throw FileError(path, at: place, expected: problem.expected, found: problem.found)
        }
        conversation?.apply(event)
    }
}
