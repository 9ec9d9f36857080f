import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem

/// A chat over standard input and output.
struct ChatTerminal<Model: LanguageModel> {
    /// Whether a person types; else each line of a pipe is a message.
    let isInteractive = StandardStreams.inputIsTerminal
    private var session: ChatSession<Model>
    private let showsFigures: Bool
    private var lines = LineReader()
    private var output = ModelOutput()
    /// When Ctrl-C was last pressed at the prompt.
    private var lastInterrupt = -Double.infinity

    private static var commands: Set<String> {
        ["/bye", "/exit", "/quit", "/clear", "/help", "/?"]
    }

    static var help: String {
        """
        /help    shows this
        /clear   begins a new conversation
        /bye     leaves, as Ctrl-D does
        Ctrl-C   stops a reply; at the prompt twice: leaves
        """
    }

    init(_ session: ChatSession<Model>, showsFigures: Bool) {
        self.session = session
        self.showsFigures = showsFigures
    }

    /// Talks until the input ends.
    mutating func run() throws {
        Interrupts.collect()
        var messages = 0
        while true {
            if isInteractive { prompt(">>> ") }
            switch try lines.next() {
            case .interrupted:
                try answerInterrupt()
            case .end:
                if isInteractive { prompt("\n") }
                guard isInteractive || messages > 0 else {
                    throw ValidationError(
                        "standard input: expected a message on each line, found none")
                }
                return
            case .line(let line):
                let words = line.split(whereSeparator: \.isWhitespace)
                guard let first = words.first else { continue }
                messages += 1
                // In a pipe a line that only looks like a command is a message.
                if words.count == 1, first.hasPrefix("/"),
                    isInteractive || Self.commands.contains(String(first))
                {
                    guard try obey(String(first)) else { return }
                } else {
                    try reply(to: line)
                }
            }
        }
    }

    /// Our own words on the terminal; they never mix with the replies in a pipe.
    private func prompt(_ text: String) {
        if output.isTerminal {
            try? StandardStreams.write(text.utf8)
        } else {
            StandardStreams.noteExactly(text)
        }
    }

    private mutating func answerInterrupt() throws {
        let isOver = Interrupts.signal != Interrupts.keyboard || !isInteractive
        let now = Machine.now()
        if isOver || now - lastInterrupt < 1 {
            if isInteractive { prompt("\n") }
            throw Interrupts.exitCode
        }
        Interrupts.clear()
        lastInterrupt = now
        prompt("\n")
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
