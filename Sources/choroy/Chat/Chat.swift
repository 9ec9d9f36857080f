import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText

struct Chat: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk with a model.",
        discussion: """
            On a terminal: /help shows the commands, Ctrl-C stops a reply, Ctrl-D or /bye leaves. From \
            a pipe each line is a message, and the replies are on standard output; --once answers one \
            message.

            Every message is stored before the reply to it begins, in $CHOROY_HOME/sessions (default: \
            ~/.local/share/choroy/sessions), unless --no-save. --session NAME goes on with a \
            conversation, --continue with the last one.

            A model that was never trained to chat continues a written dialogue between User and \
            Assistant.

            Example: choroy chat checkpoints/book-chat --system "Answer briefly."
            """)

    @Argument(
        help: """
            A model: a model directory, a .ngram or an ARPA file; with --session or --continue the one that the \
            conversation was held with, unless given.
            """)
    var model: String?

    @Option(help: "What the model is told before the conversation.")
    var system: String?

    enum Form: String, ExpressibleByArgument, CaseIterable { case auto, chatml, dialogue }

    @Option(help: "How the conversation is written for the model.")
    var template = Form.auto

    @Option(help: "How many tokens a reply has at most (default: 512).")
    var maxTokens: Int?

    @Option(help: "Say this, print the reply and leave.")
    var once: String?

    @Flag(help: "Print each reply as one JSON object on a line.")
    var json = false

    @Flag(help: "Show how probable each token was: by colour, or as a table.")
    var showProbabilities = false

    @Flag(help: "Say after each reply what was read and written, and how fast.")
    var verbose = false

    @Flag(help: "Keep nothing of what is typed, and recall nothing.")
    var noHistory = false

    @OptionGroup(title: "Stored conversations")
    var stored: SessionOptions

    @OptionGroup(title: "Sampling")
    var sampling: SamplingOptions

    @OptionGroup var adapter: AdapterOptions
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        if let maxTokens, maxTokens < 1 {
            throw ValidationError("--max-tokens \(maxTokens) is below 1")
        }
        if let once, !once.contains(where: { !$0.isWhitespace }) {
            throw ValidationError("--once needs a message that is not empty")
        }
        if model == nil && !stored.listSessions && stored.session == nil && !stored.continues {
            throw ValidationError("Missing expected argument '<model>'")
        }
    }

    func run() throws {
        if stored.listSessions { return try SessionOptions.printList(json: json) }
        threads.apply()
        // Opened before the model is read, so that a mistake is told at once.
        let asked = settings()
        let file = try stored.open(settings: asked)
        let path = model ?? file?.conversation.settings.model ?? ""
        guard !path.isEmpty else {
            throw ValidationError("a conversation that is new needs a model")
        }
        let loaded = try LoadedModel.load(path, adapters: adapter.places)
        try chat(with: loaded.model, loaded, try record(file, asked, loaded))
    }

    private func settings() -> ChatHistory.Settings {
        ChatHistory.Settings(
            model: model.map(FilePath.absolute) ?? "", adapter: adapter.places.first?.name,
            system: system, sampling: sampling.parameters, maxTokens: maxTokens ?? 512)
    }

    /// What the conversation was held with, changed by what is asked for now.
    private func record(
        _ file: SessionFile?, _ asked: ChatHistory.Settings, _ loaded: LoadedModel
    ) throws -> ChatRecord {
        guard let file else { return ChatRecord(asked, isStored: !stored.noSave) }
        var record = ChatRecord(file)
        let known = file.conversation.settings
        guard file.isStored else { return record }
        var wanted = asked
        wanted.model = FilePath.absolute(loaded.name)
        wanted.system = system ?? known.system
        wanted.maxTokens = maxTokens ?? known.maxTokens
        wanted.sampling = sampling.applied(to: known.sampling)
        known.tellChanges(to: wanted)
        if wanted != known { try record.append(.settings(wanted)) }
        return record
    }

    private func chat(
        with model: some LanguageModel, _ loaded: LoadedModel, _ record: ChatRecord
    ) throws {
        let form = form(for: loaded)
        let wanted = record.conversation.settings
        let session = ChatSession(
            model, encoding: loaded.encoding, template: form, system: wanted.system,
            messages: record.conversation.messages, sampler: try Sampler(wanted.sampling),
            maxTokens: wanted.maxTokens, contextLength: loaded.contextLength,
            startOfText: form == .writtenDialogue ? loaded.startOfText : nil,
            endOfText: loaded.endOfText)
        var settings = ChatSettings(
            sampling: wanted.sampling, maxTokens: wanted.maxTokens, system: wanted.system)
        settings.verbose = verbose
        settings.probabilities = showProbabilities
        var terminal = ChatTerminal(
            session, record: record, settings: settings, loaded: loaded,
            editor: LineEditor(history: once == nil && !json ? history() : History()),
            printsJSON: json)
        if let once { return try terminal.once(once) }
        if terminal.isInteractive {
            StandardStreams.note(
                "\(loaded.name). /help shows the commands, Ctrl-D leaves."
                    + (form.stopStrings.isEmpty
                        ? ""
                        : "\nThis model was not trained to chat: it continues a written dialogue."))
            if !record.conversation.entries.isEmpty { terminal.tellWhereWeAre() }
            if showProbabilities, ReplyView.probabilities == .colors {
                StandardStreams.noteExactly(ProbabilityView.legend(.errors) + "\n")
            }
        }
        try terminal.run()
    }

    /// What was typed before; where it cannot be kept, a note says so and the chat goes on.
    private func history() -> History {
        guard !noHistory, StandardStreams.inputIsTerminal else { return History() }
        do {
            return try History(in: UserDirectory.open())
        } catch {
            StandardStreams.note("(no history: \(error))")
            return History()
        }
    }

    private func form(for loaded: LoadedModel) -> ChatTemplate {
        switch template {
        case .chatml: .chatML
        case .dialogue: .writtenDialogue
        case .auto:
            loaded.isTrainedToChat(adapter: loaded.adapters.first?.name)
                ? .chatML : .writtenDialogue
        }
    }
}

extension LoadedModel {
    /// Whether the model knows the marks of ChatML, and its tokenizer says that chats use them: the
    /// adapter's configuration where it has one, else the model's.
    func isTrainedToChat(adapter: String?) -> Bool {
        guard encoding.id(ofSpecial: "<|im_start|>") != nil else { return false }
        for place in templatePlaces(adapter: adapter) {
            for file in ["chat_template.jinja", "tokenizer_config.json"] {
                let path = FilePath.join(place, file)
                guard let bytes = try? FileBytes.read(path, limit: 1 << 26) else { continue }
                let template =
                    file.hasSuffix(".jinja")
                    ? String(decoding: bytes, as: UTF8.self)
                    : (try? JSONReader.parse(bytes, path: path))?["chat_template"]?.string
                if let template { return template.contains("<|im_start|>") }
            }
        }
        return false
    }
}
