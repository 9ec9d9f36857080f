/// The prompt: on a terminal a line that can be edited, else plain lines of standard input.
///
///     var editor = LineEditor(history: history)
///     switch try editor.read(prompt: ">>> ", completions: complete) { … }
///
/// On a terminal the cursor stands at the beginning of a fresh line whatever is returned.
struct LineEditor {
    /// Whether a person types; else each line of a pipe is a message and no prompt is shown.
    let isInteractive = StandardStreams.inputIsTerminal
    var history: History
    private var lines = LineReader()

    init(history: History = History()) { self.history = history }

    /// Asks for a message; `text` stands at the prompt to begin with.
    ///
    /// What is returned is not added to the history: see `remember`.
    mutating func read(
        prompt: String, text: String = "", completions: Completions? = nil
    ) throws -> LineEvent {
        guard isInteractive else { return try lines.next() }
        return try readPlainly(prompt)
    }

    /// Adds a message to the history; gives the reason when the file could not be written.
    mutating func remember(_ message: String) -> String? {
        do {
            try history.add(message)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Lines as the terminal itself edits them.
    private mutating func readPlainly(_ prompt: String) throws -> LineEvent {
        var text = ""
        var prompt = prompt
        while true {
            try show(prompt)
            let event = try lines.next()
            guard case .line(let line) = event else {
                try show("\n")
                return event
            }
            switch OpenLines.state(of: text + line) {
            case .complete(let message): return .line(message)
            case .open(let more): text = more
            }
            prompt = "... "
        }
    }

    /// Our own words on the terminal; they never mix with the replies in a pipe.
    private func show(_ words: String) throws {
        if StandardStreams.outputIsTerminal {
            try StandardStreams.write(words.utf8)
        } else {
            StandardStreams.noteExactly(words)
        }
    }
}
