import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The prompt: on a terminal a message that can be edited, else plain lines of standard input.
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
    private var decoder = KeyDecoder()
    /// Keys that came after those of the last message.
    private var keys: ArraySlice<Key> = []
    private var inputIsOver = false

    /// Seconds after which an ESC that nothing follows is a key of its own.
    private static var patience: Double { 0.5 }

    init(history: History = History()) { self.history = history }

    /// Asks for a message; `text` stands at the prompt to begin with.
    ///
    /// What is returned is not added to the history: see `remember`.
    mutating func read(
        prompt: String, text: String = "", completions: Completions? = nil
    ) throws -> LineEvent {
        guard isInteractive else { return try lines.next() }
        let canEdit =
            !StandardStreams.terminalIsDumb
            && (StandardStreams.outputIsTerminal || StandardStreams.errorIsTerminal)
        if Interrupts.requested { return .interrupted }
        guard canEdit, let mode = RawMode() else { return try readPlainly(prompt) }
        var event = LineEvent.end
        defer { if case .line = event { mode.leave(hidingKeys: true) } else { mode.leave() } }
        event = try edit(prompt, text, completions, mode)
        return event
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

    // MARK: Editing

    private mutating func edit(
        _ prompt: String, _ text: String, _ completions: Completions?, _ mode: RawMode
    ) throws -> LineEvent {
        var editing = Editing(text: text, entries: history.entries)
        let size = StandardStreams.windowSize
        var screen = PromptScreen(columns: size.columns, height: size.rows)
        func shown() -> String {
            // The signal of a new size may come later than keys that were typed after it.
            let size = StandardStreams.windowSize
            screen.resize(columns: size.columns, height: size.rows)
            return screen.draw(
                prompt: editing.searchPrompt ?? prompt, editing.buffer.characters,
                cursor: editing.buffer.cursor)
        }
        try show(RawMode.pasteMarksOn + shown())

        while true {
            if Interrupts.requested {
                // The terminal itself may be what has gone.
                try? show(screen.leave())
                return .interrupted
            }
            let signals = RawMode.signals()
            if !signals.isEmpty {
                try answer(signals, mode, &screen)
                try show(shown())
            }
            if keys.isEmpty { try readKeys() }
            if keys.isEmpty && inputIsOver {
                try? show(screen.leave())
                return .end
            }
            guard !keys.isEmpty else { continue }
            while let key = keys.popFirst() {
                switch editing.take(key, completions) {
                case .goOn: continue
                case .send(let message):
                    editing.moveToEnd()
                    try show(shown() + screen.leave())
                    return .line(message)
                case .end:
                    try show(shown() + screen.leave())
                    return .end
                case .interrupted:
                    editing.moveToEnd()
                    try show(shown() + "^C" + screen.leave())
                    Interrupts.request()
                    return .interrupted
                case .suspend: try answer(.suspend, mode, &screen)
                case .clear: try show(screen.clear())
                case .list(let words):
                    try show(shown() + screen.leave() + screen.list(words))
                }
            }
            try show(shown())
        }
    }

    private func answer(
        _ signals: RawMode.Signals, _ mode: RawMode, _ screen: inout PromptScreen
    ) throws {
        if signals.contains(.suspend) {
            try show(screen.leave())
            mode.suspend()
            // The signal that continued us is answered with it.
            _ = RawMode.signals()
        } else if signals.contains(.goOn) {
            mode.enterAgain()
        }
        if !signals.isDisjoint(with: [.suspend, .goOn]) { try show(RawMode.pasteMarksOn) }
    }

    /// Adds the keys that come within a tenth of a second; the loop then looks at the signals again.
    private mutating func readKeys() throws {
        let end = Machine.now() + (decoder.isWaiting ? Self.patience : 0)
        repeat {
            if let bytes = try StandardStreams.readInput(within: 0.1) {
                inputIsOver = bytes.isEmpty
                keys = decoder.append(bytes)[...]
                return
            }
        } while Machine.now() < end && !Interrupts.requested
        if decoder.isWaiting { keys = decoder.expire()[...] }
    }

    // MARK: Without editing

    /// Lines as the terminal itself edits them.
    private mutating func readPlainly(_ prompt: String) throws -> LineEvent {
        var text = ""
        var prompt = prompt
        while true {
            try show(prompt)
            let event = try lines.next()
            guard case .line(let line) = event else {
                try? show("\n")
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
