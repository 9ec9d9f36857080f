import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText

/// A chat over standard input and output.
struct ChatTerminal<Model: LanguageModel> {
    var session: ChatSession<Model>
    var record: ChatRecord
    var settings: ChatSettings
    let loaded: LoadedModel
    /// Whether each reply is one JSON object.
    let printsJSON: Bool
    var editor: LineEditor
    /// The last reply of this run, for `/tokens`.
    var lastReply: ChatReply?
    /// The text that the next prompt begins with.
    private var draft = ""
    /// When Ctrl-C was last pressed at the prompt.
    private var lastInterrupt = -Double.infinity

    /// Whether a person types; else each line of a pipe is a message.
    var isInteractive: Bool { editor.isInteractive && !printsJSON }

    init(
        _ session: ChatSession<Model>, record: ChatRecord, settings: ChatSettings,
        loaded: LoadedModel, editor: LineEditor, printsJSON: Bool
    ) {
        self.session = session
        self.record = record
        self.settings = settings
        self.loaded = loaded
        self.editor = editor
        self.printsJSON = printsJSON
    }

    /// Talks until the input ends.
    mutating func run() throws {
        Interrupts.collect()
        var messages = 0
        while true {
            let complete = completion()
            switch try editor.read(prompt: isInteractive ? ">>> " : "", completions: complete.words)
            {
            case .interrupted:
                try answerInterrupt()
            case .end:
                guard isInteractive || messages > 0 else {
                    throw ValidationError(
                        "standard input: expected a message on each line, found none")
                }
                return
            case .line(let line):
                guard line.contains(where: { !$0.isWhitespace }) else { continue }
                messages += 1
                if isInteractive, let reason = editor.remember(line) {
                    StandardStreams.note("(not in the history: \(reason))")
                }
                guard try take(line) else { return }
            }
        }
    }

    /// One message and its reply.
    mutating func once(_ text: String) throws {
        Interrupts.collect()
        try say(text)
    }

    /// Obeys a command or answers a message; false to leave.
    private mutating func take(_ line: String) throws -> Bool {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard let first = words.first, first.hasPrefix("/") else {
            try say(line)
            return true
        }
        let command = ChatCommand(word: first)
        if !isInteractive {
            // In a pipe a line that only looks like a command is a message.
            if words.count == 1, let command, command.isObeyedInPipe {
                return try obey(command, "")
            }
            try say(line)
            return true
        }
        // A space before it makes a message of what looks like a command.
        guard line.hasPrefix("/") else {
            try say(line)
            return true
        }
        guard let command else {
            let near = Suggestion.nearest(to: String(first), among: ChatCommand.words)
            tell(
                "\(first) is no command"
                    + (near.map { "; did you mean \($0)?" } ?? "; /help shows them."))
            return true
        }
        let rest = line.dropFirst(first.count)
        return try obey(command, String(rest.drop(while: \.isWhitespace)))
    }

    private mutating func answerInterrupt() throws {
        let isOver = Interrupts.signal != Interrupts.keyboard || !isInteractive
        let now = Machine.now()
        if isOver || now - lastInterrupt < 1 {
            throw Interrupts.exitCode
        }
        Interrupts.clear()
        lastInterrupt = now
        tell("Ctrl-D or /bye leaves; so does a second Ctrl-C within a second.")
    }

    /// Our own words, beside the replies.
    func tell(_ text: String) { StandardStreams.note(text) }

    private func completion() -> ChatCompletion {
        var completion = ChatCompletion()
        guard isInteractive else { return completion }
        completion.sessions = (try? SessionOptions.existingStore()?.names()) ?? []
        completion.branches = record.conversation.branches.map(\.name)
        completion.adapters = loaded.adapters.map(\.name)
        return completion
    }
}
