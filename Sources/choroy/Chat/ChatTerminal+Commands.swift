import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText

/// The commands of a chat, one function each.
extension ChatTerminal {
    /// Does what a command says; false to leave.
    mutating func obey(_ command: ChatCommand, _ argument: String) throws -> Bool {
        let argument = argument.trimmingSpace
        switch command {
        case .bye: return false
        case .help: tell(ChatCommand.helpText)
        case .clear: try clear()
        case .regen: try regenerate()
        case .edit: try edit(argument)
        case .undo: try undo()
        case .branch: try branch(argument)
        case .set: try set(argument)
        case .system: try changeSystem(argument)
        case .adapter: try changeAdapter(argument)
        case .tokens: showTokens(argument)
        case .save: save(argument)
        case .load: load(argument)
        case .export: export(argument)
        }
        return true
    }

    private var userEntries: [ChatHistory.Entry] {
        record.conversation.path.filter { $0.message.role == .user }
    }

    /// Goes back to a message, or to the beginning.
    private mutating func goBack(to head: Int?) throws {
        try keep(.head(head))
        session.messages = record.conversation.messages
    }

    private mutating func clear() throws {
        if record.conversation.head != nil { try goBack(to: nil) }
        tell("A new conversation.")
    }

    private mutating func regenerate() throws {
        guard let question = userEntries.last else {
            return tell("There is no message to answer yet.")
        }
        try answer(after: [.head(question.id)])
    }

    private mutating func undo() throws {
        guard let question = userEntries.last else { return tell("There is nothing to undo.") }
        try goBack(to: question.parent)
        tell("(taken back: \(SessionOptions.firstWords(question.message.content)))")
    }

    private mutating func edit(_ argument: String) throws {
        let entries = userEntries
        guard !entries.isEmpty else { return tell("There is no message to change yet.") }
        let number = argument.isEmpty ? entries.count : Int(argument) ?? 0
        guard 1...entries.count ~= number else {
            return tell("/edit: expected a number from 1 to \(entries.count), found \(argument)")
        }
        let old = entries[number - 1]
        guard case .line(let text) = try editor.read(prompt: "edit> ", text: old.message.content),
            text.contains(where: { !$0.isWhitespace })
        else {
            if Interrupts.requested && Interrupts.signal == Interrupts.keyboard {
                Interrupts.clear()
            }
            return tell("(not changed)")
        }
        var copy = record.conversation
        copy.apply(.head(old.parent))
        try answer(after: [.head(old.parent), copy.saying(Message(role: .user, content: text))])
    }

    // MARK: Branches

    private mutating func branch(_ argument: String) throws {
        let words = argument.split(whereSeparator: \.isWhitespace).map(String.init)
        switch (words.first, words.count) {
        case (nil, _), ("list", 1): listBranches()
        case ("switch", 2): try switchBranch(words[1], mayBeNew: false)
        case (let name?, 1): try switchBranch(name, mayBeNew: true)
        default: tell("/branch: expected a name, list, or switch and a name")
        }
    }

    private func listBranches() {
        let conversation = record.conversation
        let rows = conversation.branches.map { branch in
            let path = conversation.path(to: branch.head)
            let last = path.last { $0.message.role == .user }?.message.content ?? ""
            return [
                (branch.name == conversation.branch ? "* " : "  ") + branch.name,
                "\(path.count) message\(path.count == 1 ? "" : "s")",
                SessionOptions.firstWords(last),
            ]
        }
        tell(Table.lines(rows).joined(separator: "\n"))
    }

    private mutating func switchBranch(_ name: String, mayBeNew: Bool) throws {
        let names = record.conversation.branches.map(\.name)
        let exists = names.contains(name)
        if !exists && !mayBeNew {
            let near = Suggestion.nearest(to: name, among: names).map { "; did you mean \($0)?" }
            return tell("There is no branch \(name)" + (near ?? "; /branch list shows them."))
        }
        if !exists, let problem = SessionName.problem(with: name) {
            return tell("/branch: expected a name without slashes and dots, found \(problem)")
        }
        try keep(.branch(name))
        session.messages = record.conversation.messages
        tell(
            (exists ? "Branch \(name), " : "A new branch \(name), ")
                + "\(session.messages.count) messages.")
    }

    // MARK: Settings

    private mutating func set(_ argument: String) throws {
        let words = argument.split(maxSplits: 1, whereSeparator: \.isWhitespace).map(String.init)
        guard let name = words.first else {
            let rows = ChatSetting.allCases.map { [$0.rawValue, settings.text(of: $0)] }
            return tell(Table.lines(rows).joined(separator: "\n"))
        }
        guard let setting = ChatSetting(rawValue: name.replacing("_", with: "-").lowercased())
        else {
            let near = Suggestion.nearest(to: name, among: ChatSetting.allCases.map(\.rawValue))
            return tell(
                "\(name) is no setting"
                    + (near.map { "; did you mean \($0)?" } ?? "; /set shows them."))
        }
        if words.count > 1 {
            do {
                try settings.set(setting, to: words[1].trimmingSpace)
            } catch {
                return tell("\(error)")
            }
            try applySettings()
        }
        tell("\(setting.rawValue) \(settings.text(of: setting))")
        if words.count > 1, setting == .probabilities, settings.probabilities,
            ReplyView.probabilities == .colors
        {
            StandardStreams.noteExactly(ProbabilityView.legend(.errors) + "\n")
        }
    }

    private mutating func changeSystem(_ argument: String) throws {
        if !argument.isEmpty {
            settings.system = argument == "off" ? nil : argument
            try applySettings()
        }
        tell(settings.system.map { "system prompt: \($0)" } ?? "There is no system prompt.")
    }

    /// Has the session do what the settings say, and stores those that belong to the conversation.
    private mutating func applySettings() throws {
        session.system = settings.system
        session.maxTokens = settings.maxTokens
        try session.setSampling(settings.sampling)
        var stored = record.conversation.settings
        stored.system = settings.system
        stored.sampling = settings.sampling
        stored.maxTokens = settings.maxTokens
        if stored != record.conversation.settings { try keep(.settings(stored)) }
    }

    private mutating func changeAdapter(_ argument: String) throws {
        let stored = record.conversation.settings
        guard !argument.isEmpty else {
            let names = loaded.adapters.map(\.name)
            return tell(
                names.isEmpty
                    ? "There is no adapter; --adapter DIR at the start brings one."
                    : (["off"] + names).map { ($0 == stored.adapter ?? "off" ? "* " : "  ") + $0 }
                        .joined(separator: "\n"))
        }
        let name = argument == "off" ? nil : argument
        do {
            guard let model = try loaded.attaching(adapter: name) as? Model else {
                return tell("\(argument): not an adapter of this kind of model")
            }
            session.replaceModel(model)
        } catch {
            return tell("\(error)")
        }
        var changed = stored
        changed.adapter = name
        try keep(.settings(changed))
        tell(name.map { "Adapter \($0)." } ?? "No adapter.")
    }

    // MARK: Tokens

    private func showTokens(_ argument: String) {
        guard let tokens = lastReply?.tokens, !tokens.isEmpty else {
            return tell("There is no reply in this run yet.")
        }
        let styles = StyleWriter.errors
        if argument.isEmpty {
            let columns = max(20, StandardStreams.windowSize.columns - 1)
            let lines = ProbabilityView.list(tokens, columns: columns, styles)
            let legend = styles.isOn ? [ProbabilityView.legend(styles)] : []
            StandardStreams.noteExactly((legend + lines).joined(separator: "\n") + "\n")
            return tell("/tokens N shows what the model nearly said at position N.")
        }
        guard let number = Int(argument), 1...tokens.count ~= number else {
            return tell("/tokens: expected a number from 1 to \(tokens.count), found \(argument)")
        }
        let lines = ProbabilityView.alternatives(to: tokens[number - 1], styles) {
            session.encoding.bytes(of: $0)
        }
        StandardStreams.noteExactly(lines.joined(separator: "\n") + "\n")
    }
}

extension String {
    /// Without white space around it.
    var trimmingSpace: String {
        let head = drop(while: \.isWhitespace)
        guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(head[...last])
    }
}
