public import ChoroySystem
import ChoroyText

/// The conversations of a person, one file each in a private directory.
public struct SessionStore: Sendable {
    public let directory: PrivateDirectory

    static let pathExtension = "jsonl"

    /// What a list of conversations says of one.
    public struct Summary: Sendable, Equatable {
        public var name: String
        /// Seconds since 1970 of the last change.
        public var time: Int
        public var model: String
        /// Messages of the user's in the current branch.
        public var turns: Int
        /// What the user said first.
        public var firstWords: String
    }

    public init(in directory: PrivateDirectory) { self.directory = directory }

    /// Opens a conversation, or begins one that is stored with its first message.
    ///
    /// - Throws: `FileError` when the name cannot be one, and what `SessionFile` throws.
    public func open(_ name: String, settings: ChatHistory.Settings) throws -> SessionFile {
        if let problem = SessionName.problem(with: name) {
            throw FileError(
                "session \(name)",
                expected: "a name of letters, digits and the like, without slashes and dots",
                found: problem)
        }
        return try SessionFile(name, in: directory, settings: settings)
    }

    /// Begins a conversation named after the time.
    public func begin(settings: ChatHistory.Settings) throws -> SessionFile {
        let stamp = Machine.dateAndTime(Machine.unixTime())
        for number in 1...1000 {
            let name = number == 1 ? stamp : "\(stamp)-\(number)"
            guard !exists(name), let file = try? open(name, settings: settings),
                file.conversation.entries.isEmpty
            else { continue }
            return file
        }
        // Says why even a new name cannot be had.
        return try open(stamp, settings: settings)
    }

    public func exists(_ name: String) -> Bool {
        SessionName.problem(with: name) == nil
            && FilePath.kind(of: path(of: name)) != .missing
    }

    /// Names in alphabetical order.
    public func names() throws -> [String] {
        let suffix = ".\(Self.pathExtension)"
        return try FilePath.list(directory.path).compactMap { file in
            guard file.hasSuffix(suffix) else { return nil }
            let name = String(file.dropLast(suffix.count))
            return SessionName.problem(with: name) == nil ? name : nil
        }
    }

    /// The conversation that changed last.
    public func latest() throws -> String? {
        let times = try names().map { ($0, FilePath.modificationTime(of: path(of: $0)) ?? 0) }
        return times.max { ($0.1, $0.0) < ($1.1, $1.0) }?.0
    }

    /// What is stored under a name, read without taking it from a chat that is in it.
    public func conversation(_ name: String) throws -> ChatHistory {
        let path = try directory.file("\(name).\(Self.pathExtension)")
        guard let conversation = try SessionFile.read(path).conversation else {
            throw FileError(path, expected: "a conversation", found: "not even a whole header")
        }
        return conversation
    }

    /// What there is, the latest first; a file that cannot be read comes with the reason.
    public func summaries() throws -> [Result<Summary, FileError>] {
        let times = try names().map {
            (name: $0, time: FilePath.modificationTime(of: path(of: $0)) ?? 0)
        }
        return times.sorted { ($0.time, $0.name) > ($1.time, $1.name) }.map { name, time in
            do {
                let conversation = try conversation(name)
                let said = conversation.messages.filter { $0.role == .user }
                return .success(
                    Summary(
                        name: name, time: Int(time), model: conversation.settings.model,
                        turns: said.count, firstWords: said.first?.content ?? ""))
            } catch let error as FileError {
                return .failure(error)
            } catch {
                return .failure(
                    FileError(path(of: name), expected: "a conversation", found: "\(error)"))
            }
        }
    }

    private func path(of name: String) -> String {
        FilePath.join(directory.path, "\(name).\(Self.pathExtension)")
    }
}
