import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem

private let chatCommands: Set = ["/bye", "/exit", "/quit", "/clear", "/help", "/?"]

/// The commands that a word may become.
private func complete(_ text: String, _ cursor: Int) -> [String] {
    guard text.hasPrefix("/"), !text.prefix(cursor).contains(" ") else { return [] }
    return chatCommands.filter { $0.hasPrefix(text.prefix(cursor)) }.sorted()
}

/// A chat over standard input and output.
struct ChatTerminal<Model: LanguageModel> {
    /// Whether a person types; else each line of a pipe is a message.
    var isInteractive: Bool { editor.isInteractive }
    private var session: ChatSession<Model>
    private let showsFigures: Bool
    private var editor: LineEditor
    private var output = ModelOutput()
    /// When Ctrl-C was last pressed at the prompt.
    private var lastInterrupt = -Double.infinity

    static var help: String {
        """
        /help    shows this
        /clear   begins a new conversation
        /bye     leaves, as Ctrl-D does
        Ctrl-C   stops a reply; at the prompt twice: leaves
        """
    }

    init(_ session: ChatSession<Model>, editor: LineEditor, showsFigures: Bool) {
        self.session = session
        self.editor = editor
        self.showsFigures = showsFigures
    }

    /// Talks until the input ends.
    mutating func run() throws {
        Interrupts.collect()
        var messages = 0
        while true {
            switch try editor.read(prompt: ">>> ", completions: complete) {
            case .interrupted:
                try answerInterrupt()
            case .end:
                guard isInteractive || messages > 0 else {
                    throw ValidationError(
                        "standard input: expected a message on each line, found none")
                }
                return
            case .line(let line):
                let words = line.split(whereSeparator: \.isWhitespace)
                guard let first = words.first else { continue }
                messages += 1
                if isInteractive, let reason = editor.remember(line) {
                    StandardStreams.note("(not in the history: \(reason))")
                }
                // In a pipe a line that only looks like a command is a message.
                if words.count == 1, first.hasPrefix("/"),
                    isInteractive || chatCommands.contains(String(first))
                {
                    guard try obey(String(first)) else { return }
                } else {
                    try reply(to: line)
                }
            }
        }
    }

    private mutating func answerInterrupt() throws {
        let isOver = Interrupts.signal != Interrupts.keyboard || !isInteractive
        let now = Machine.now()
        if isOver || now - lastInterrupt < 1 {
            throw Interrupts.exitCode
        }
        Interrupts.clear()
        lastInterrupt = now
        StandardStreams.note("Ctrl-D or /bye leaves; so does a second Ctrl-C within a second.")
    }

    /// Does what a command says; false to leave.
    private mutating func obey(_ command: String) throws -> Bool {
        switch command {
        case "/bye", "/exit", "/quit": return false
        case "/clear":
            session.clear()
            StandardStreams.note("A new conversation.")
        case "/help", "/?": StandardStreams.note(Self.help)
        default: StandardStreams.note("\(command) is no command; /help shows them.")
        }
        return true
    }

    private mutating func reply(to text: String) throws {
        let start = Machine.now()
        var firstToken: Double?
        do {
            let reply = try session.reply(to: text) { event in
                if case .text(let piece) = event {
                    firstToken = firstToken ?? Machine.now()
                    try output.write(piece)
                }
                return !Interrupts.requested
            }
            try output.write([UInt8(ascii: "\n")])
            note(reply, readingSeconds: (firstToken ?? Machine.now()) - start, since: start)
        } catch let error as ChatError {
            // The message was refused and the conversation is as before.
            guard isInteractive else { throw error }
            StandardStreams.note("\(error)")
        }
        guard Interrupts.requested else { return }
        if Interrupts.signal != Interrupts.keyboard || !isInteractive { throw Interrupts.exitCode }
        Interrupts.clear()
    }

    private func note(
        _ reply: ChatSession<Model>.Reply, readingSeconds: Double, since start: Double
    ) {
        if reply.forgottenMessages > 0 {
            StandardStreams.note(
                "(the context is full: the \(reply.forgottenMessages) oldest messages have left)")
        }
        if showsFigures {
            let writing = Machine.now() - start - readingSeconds
            let rate = Double(reply.tokenCount) / max(writing, 1e-9)
            StandardStreams.note(
                "(read \(reply.promptTokensRead) of \(reply.promptTokens) tokens in "
                    + "\(Figures.decimal(readingSeconds, 2)) s, wrote \(reply.tokenCount), "
                    + "\(Figures.decimal(rate, 1)) tokens/s)")
        }
    }
}
