import ArgumentParser
import ChoroyGeneration
import ChoroySystem

/// Which stored conversation a chat goes on with.
struct SessionOptions: ParsableArguments {
    @Option(help: "Go on with the stored conversation of this name, or begin it.")
    var session: String?

    @Flag(name: .customLong("continue"), help: "Go on with the conversation that was stored last.")
    var continues = false

    @Flag(help: "Store nothing of the conversation.")
    var noSave = false

    @Flag(help: "List the stored conversations, the latest first.")
    var listSessions = false

    func validate() throws {
        if session != nil && continues {
            throw ValidationError("--session and --continue exclude each other")
        }
        if noSave && (session != nil || continues) {
            throw ValidationError("--no-save excludes --session and --continue")
        }
        if let session, let problem = SessionName.problem(with: session) {
            throw ValidationError(
                "--session: expected a name without slashes, dots and control characters, found "
                    + problem)
        }
    }

    private static let folder = "sessions"

    /// Where conversations are stored; made if it is missing.
    static func store() throws -> SessionStore {
        let home = try UserDirectory.open()
        return SessionStore(in: try PrivateDirectory(at: FilePath.join(home.path, folder)))
    }

    /// The same where there is such a place already; nil where nothing can be stored yet.
    static func existingStore() throws -> SessionStore? {
        guard let home = UserDirectory.path,
            FilePath.kind(of: FilePath.join(home, folder)) != .missing
        else { return nil }
        return try store()
    }

    /// The conversation that was asked for, taken from the store; nil when none was.
    func open(settings: ChatHistory.Settings) throws -> SessionFile? {
        if continues {
            guard let store = try Self.existingStore(), let latest = try store.latest() else {
                throw FileError(
                    "--continue", expected: "a stored conversation", found: "none so far")
            }
            return try store.open(latest, settings: settings)
        }
        return try session.map { try Self.store().open($0, settings: settings) }
    }

    /// Prints what there is, one line each, or one JSON object each.
    static func printList(json: Bool) throws {
        var rows: [[String]] = []
        for summary in try existingStore()?.summaries() ?? [] {
            switch summary {
            case .failure(let error): StandardStreams.note("choroy: \(error)")
            case .success(let summary):
                if json {
                    try StandardStreams.printLine(
                        JSONWriter.string(
                            .object(
                                JSONObject([
                                    ("name", .string(summary.name)),
                                    ("time", .integer(summary.time)),
                                    ("model", .string(summary.model)),
                                    ("turns", .integer(summary.turns)),
                                    ("first_words", .string(summary.firstWords)),
                                ]))))
                    continue
                }
                let time = Machine.dateAndTime(summary.time).dropLast(3)
                    .replacing("_", with: " ")
                rows.append([
                    summary.name,
                    String(time.prefix(11)) + time.dropFirst(11).replacing("-", with: ":"),
                    FilePath.name(of: summary.model),
                    "\(summary.turns) turn\(summary.turns == 1 ? "" : "s")",
                    Self.firstWords(summary.firstWords),
                ])
            }
        }
        for line in Table.lines(rows) { try StandardStreams.printLine(TerminalText.visible(line)) }
    }

    /// The beginning of a text on one line.
    static func firstWords(_ text: String) -> String {
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.count > 48 ? words.prefix(47) + "…" : words
    }
}
