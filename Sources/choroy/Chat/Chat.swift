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
            a pipe each line is a message, and the replies are on standard output.

            A model that was never trained to chat continues a written dialogue between User and \
            Assistant.

            Example: choroy chat checkpoints/book-chat --system "Answer briefly."
            """)

    @Argument(help: "A model: a model directory or an ARPA file.")
    var model: String

    @Option(help: "What the model is told before the conversation.")
    var system: String?

    enum Form: String, ExpressibleByArgument, CaseIterable { case auto, chatml, dialogue }

    @Option(help: "How the conversation is written for the model.")
    var template = Form.auto

    @Option(help: "How many tokens a reply has at most.")
    var maxTokens = 512

    @OptionGroup(title: "Sampling")
    var sampling: SamplingOptions

    @Flag(help: "Say after each reply what was read and written, and how fast.")
    var verbose = false

    @Flag(help: "Keep nothing of what is typed, and recall nothing.")
    var noHistory = false

    @OptionGroup var adapter: AdapterOptions
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        if maxTokens < 1 { throw ValidationError("--max-tokens \(maxTokens) is below 1") }
    }

    func run() throws {
        threads.apply()
        let loaded = try LoadedModel.load(model, adapters: adapter.places)
        try chat(with: loaded.model, loaded)
    }

    private func chat(with model: some LanguageModel, _ loaded: LoadedModel) throws {
        let form = form(for: loaded)
        let session = ChatSession(
            model, encoding: loaded.encoding, template: form, system: system,
            sampler: try Sampler(sampling.parameters), maxTokens: maxTokens,
            contextLength: loaded.contextLength,
            startOfText: form == .writtenDialogue ? loaded.startOfText : nil,
            endOfText: loaded.endOfText)
        let editor = LineEditor(history: history())
        var terminal = ChatTerminal(session, editor: editor, showsFigures: verbose)
        if terminal.isInteractive {
            StandardStreams.note(
                "\(loaded.name). /help shows the commands, Ctrl-D leaves."
                    + (form.stopStrings.isEmpty
                        ? ""
                        : "\nThis model was not trained to chat: it continues a written dialogue."))
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
