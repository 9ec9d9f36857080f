import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText

/// Commands that read and write files; what goes wrong is told, and the chat goes on.
extension ChatTerminal {
    mutating func save(_ name: String) {
        if name.isEmpty, let file = record.file {
            return tell(
                file.isStored
                    ? "Stored as \(file.name); /save NAME keeps a copy under another name."
                    : "To be stored as \(file.name), with the first message.")
        }
        if name.isEmpty && record.willBeStored {
            return tell("To be stored with the first message, under its date and time.")
        }
        guard name != record.file?.name else { return tell("It is stored there already.") }
        do {
            let store = try SessionOptions.store()
            guard name.isEmpty || !store.exists(name) else {
                return tell("There is a conversation \(name) already; choose another name.")
            }
            let stored = record.conversation.settings
            let file =
                try name.isEmpty
                ? store.begin(settings: stored) : store.open(name, settings: stored)
            try record.move(to: file)
            tell("Stored as \(file.name), and goes on there.")
        } catch {
            tell("\(error)")
        }
    }

    mutating func load(_ name: String) {
        let store = try? SessionOptions.existingStore()
        let names = (try? store?.names()) ?? []
        guard let store, !names.isEmpty else { return tell("There is no stored conversation yet.") }
        guard !name.isEmpty else {
            return tell("/load NAME, one of: \(names.joined(separator: ", "))")
        }
        guard store.exists(name) else {
            let near = Suggestion.nearest(to: name, among: names)
            return tell(
                "There is no conversation \(name)" + (near.map { "; did you mean \($0)?" } ?? "."))
        }
        guard name != record.file?.name else { return tell("This is \(name).") }
        do {
            let file = try store.open(name, settings: record.conversation.settings)
            let stored = file.conversation.settings
            let current = record.conversation.settings
            record.file?.close()
            record = ChatRecord(file)
            settings.system = stored.system
            settings.maxTokens = stored.maxTokens
            let seed = settings.sampling.seed
            settings.sampling = stored.sampling
            settings.sampling.seed = seed
            session.system = settings.system
            session.maxTokens = settings.maxTokens
            try session.setSampling(settings.sampling)
            session.messages = record.conversation.messages
            lastReply = nil
            tellWhereWeAre()
            stored.tellChanges(to: current)
            var wanted = stored
            (wanted.model, wanted.adapter) = (current.model, current.adapter)
            if wanted != stored { try keep(.settings(wanted)) }
        } catch {
            tell("\(error)")
        }
    }

    /// Says what a conversation that is gone on with is, and where it stands.
    func tellWhereWeAre() {
        let conversation = record.conversation
        let path = conversation.path
        let count = path.count { $0.message.role == .user }
        let branch =
            conversation.branch == ChatHistory.firstBranch ? "" : ", branch \(conversation.branch)"
        tell("Session \(record.file?.name ?? "")\(branch): \(count) turn\(count == 1 ? "" : "s").")
        for entry in path.suffix(2) {
            tell(
                "\(entry.message.role.rawValue): \(SessionOptions.firstWords(entry.message.content))"
            )
        }
        if path.last?.message.role == .user {
            tell("(the last message has no reply: /regen asks for one)")
        }
        if session.forgottenCount > 0 {
            tell("(the context is full: the \(session.forgottenCount) oldest messages have left)")
        }
    }

    func export(_ argument: String) {
        let words = argument.split(maxSplits: 1, whereSeparator: \.isWhitespace).map(String.init)
        let messages = record.conversation.messages
        let text: String
        switch words.first {
        case "md":
            text = ChatExport.markdown(
                messages, system: settings.system,
                title: record.file?.name ?? "Conversation")
        case "json": text = ChatExport.json(messages, system: settings.system)
        default: return tell("/export: expected md or json, and perhaps a file")
        }
        do {
            guard words.count > 1 else {
                var output = ModelOutput(breaksLines: false)
                try output.write(Array(text.utf8))
                return try output.endLine()
            }
            let path = words[1]
            guard FilePath.kind(of: path) == .missing else {
                return tell("\(path) is there already; choose another name.")
            }
            try AtomicFile.write(Array(text.utf8), to: path, mode: 0o600)
            tell("Wrote \(messages.count) messages to \(path).")
        } catch {
            tell("\(error)")
        }
    }
}
