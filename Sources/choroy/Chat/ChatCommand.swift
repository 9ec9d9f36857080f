/// What can be asked of a chat on a terminal; one table for parsing, help and completion.
package enum ChatCommand: String, CaseIterable, Sendable {
    case help, clear, regen, edit, undo, branch, set, system, adapter, tokens, save, load, export
    case bye

    /// What follows the name.
    package var arguments: String {
        switch self {
        case .help, .clear, .regen, .undo, .bye: ""
        case .edit, .tokens: "[N]"
        case .branch: "[NAME|list|switch NAME]"
        case .set: "[NAME VALUE]"
        case .system: "[TEXT|off]"
        case .adapter: "[NAME|off]"
        case .save: "[NAME]"
        case .load: "NAME"
        case .export: "md|json [FILE]"
        }
    }

    package var summary: String {
        switch self {
        case .help: "shows this"
        case .clear: "begins anew; the system prompt stays"
        case .regen: "has the last message answered again"
        case .edit: "changes your last message, or your message number N, and goes on from there"
        case .undo: "takes back your last message and its reply"
        case .branch: "goes on in a branch of the conversation, a new one or one there is"
        case .set: "shows or changes how replies are made"
        case .system: "shows or changes what the model is told before the conversation"
        case .adapter: "shows the adapters or goes on with another one"
        case .tokens: "the last reply's tokens; with N what the model nearly said there"
        case .save: "keeps a copy of the conversation under a name, and goes on in it"
        case .load: "goes on with a stored conversation"
        case .export: "writes the conversation as Markdown or JSON"
        case .bye: "leaves, as Ctrl-D does"
        }
    }

    /// Other words for it.
    private var aliases: [String] {
        switch self {
        case .help: ["?"]
        case .bye: ["exit", "quit"]
        default: []
        }
    }

    /// Every word that is a command, with its slash.
    package static var words: [String] {
        allCases.flatMap { [$0.rawValue] + $0.aliases }.map { "/\($0)" }
    }

    package init?(word: Substring) {
        guard word.first == "/" else { return nil }
        let name = word.dropFirst().lowercased()
        let found = Self.allCases.first { $0.rawValue == name || $0.aliases.contains(name) }
        guard let found else { return nil }
        self = found
    }

    /// Whether a line that has only this word is a command in a pipe too.
    var isObeyedInPipe: Bool { self == .bye || self == .clear || self == .help }

    package static var helpText: String {
        let rows = allCases.map { ["/\($0.rawValue) \($0.arguments)", $0.summary] }
        let keys = [
            ["Ctrl-C", "stops a reply; at the prompt twice: leaves"],
            ["\\ or \"\"\"", "a message of several lines: \\ at a line's end, \"\"\" around it"],
            ["a space", "before a line: never a command, and not kept in the history"],
        ]
        return Table.lines(rows + keys).joined(separator: "\n")
    }
}

/// Words that were probably meant.
package enum Suggestion {
    /// The nearest of `words`, if it is near.
    package static func nearest(to word: String, among words: [String]) -> String? {
        let ranked = words.map { (distance(word.lowercased(), $0.lowercased()), $0) }
        guard let best = ranked.min(by: { $0.0 < $1.0 }) else { return nil }
        let isPrefix = best.1.lowercased().hasPrefix(word.lowercased()) && word.count > 2
        return best.0 <= max(1, min(word.count, 9) / 3) || isPrefix ? best.1 : nil
    }

    /// Insertions, deletions, changes and swaps of neighbours (optimal string alignment).
    package static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.prefix(64)), Array(b.prefix(64)))
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(row[j], rows[i][j + 1]) + 1
                best = min(best, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
