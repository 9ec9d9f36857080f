import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Continue a text.",
        discussion: """
            Prints the continuation, not the prompt. The prompt is read from standard input when \
            neither --prompt nor --prompt-file is given and it is no terminal; an empty prompt starts \
            a new text.

            With --mix another model of the same tokens, such as an n-gram model, has a say in each token: \
            a share of --mix-weight, or the one that suits the text of --mix-fit best, else half.

            Examples:
              choroy generate checkpoints/book --prompt "Once upon a time" --max-tokens 100
              choroy generate checkpoints/book --mix book-tokens.arpa --mix-fit other.txt
            """)

    @Argument(help: "A model: a model directory, a .ngram or an ARPA file, or the index of a text.")
    var model: String

    @Option(help: "The text to continue.")
    var prompt: String?

    @Option(help: "A file with the text to continue, - for standard input.")
    var promptFile: String?

    @Option(help: "How many tokens to write at most.")
    var maxTokens = 256

    @OptionGroup(title: "Sampling")
    var sampling: SamplingOptions

    @Option(
        parsing: .singleValue,
        help: "Text that ends the continuation and is not printed; may be given again.")
    var stop: [String] = []

    @Flag(help: "Print one JSON object with the text and the figures.")
    var json = false

    @Flag(help: "Show how probable each token was: by colour, or as a table instead of the text.")
    var showProbabilities = false

    @Flag(help: "Say tokens per second also when standard error is no terminal.")
    var verbose = false

    @OptionGroup var mix: MixOptions
    @OptionGroup var adapter: AdapterOptions
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        try adapter.checkSingle()
        if prompt != nil && promptFile != nil {
            throw ValidationError("--prompt and --prompt-file exclude each other")
        }
        if maxTokens < 0 { throw ValidationError("--max-tokens \(maxTokens) is below 0") }
        if stop.contains("") { throw ValidationError("--stop needs a text that is not empty") }
    }

    func run() throws {
        threads.apply()
        let bytes = try promptBytes()
        let loaded = try mixed(LoadedModel.load(model, adapters: adapter.places))
        var tokens = loaded.encoding.encode(bytes)
        if tokens.isEmpty, let start = loaded.startOfText { tokens = [start] }
        guard !tokens.isEmpty else {
            throw FileError(
                "prompt", expected: "text that \(model) knows how to write as tokens",
                found: bytes.isEmpty ? "an empty one" : "none")
        }
        Interrupts.collect()
        try generate(loaded.model, loaded, prompt: tokens)
    }

    /// The model with the one of `--mix` mixed in, if that was asked for.
    private func mixed(_ loaded: LoadedModel) throws -> LoadedModel {
        guard let partner = try mix.partner(of: loaded) else { return loaded }
        let context = loaded.commonContext(with: partner)
        let share = try mix.share(of: partner, in: loaded, .rolling(context: context))
        if share == nil {
            StandardStreams.note(
                "note: half of \(partner.name) is mixed in; --mix-fit TEXT finds a better share")
        } else if let share, mix.fit != nil {
            StandardStreams.note(
                "mixed: a share of \(Figures.decimal(share, 4)) of \(partner.name)")
        }
        return loaded.mixing(partner, share: share ?? 0.5)
    }

    private func promptBytes() throws -> [UInt8] {
        if let prompt { return Array(prompt.utf8) }
        if let promptFile { return try FileBytes.read(promptFile) }
        return StandardStreams.inputIsTerminal ? [] : try FileBytes.read("-")
    }

    private func generate(
        _ model: some LanguageModel, _ loaded: LoadedModel, prompt: [TokenID]
    ) throws {
        let parameters = sampling.parameters
        let start = Machine.now()
        var generator = TokenGenerator(
            model, prompt: prompt, sampler: try Sampler(parameters), maxTokens: maxTokens,
            stopTokens: loaded.endOfText, contextLength: loaded.contextLength,
            alternatives: showProbabilities ? 5 : nil)
        var stream = TextStream(stopStrings: stop)
        let form = showProbabilities ? ReplyView.probabilities : .text
        var view = ReplyView(json ? .nothing : form, dropsLeadingSpace: false)
        if !json, form == .colors {
            StandardStreams.noteExactly(ProbabilityView.legend(.errors) + "\n")
        }
        var text: [UInt8] = []
        var tokens: [GeneratedToken] = []
        func show(_ piece: [UInt8]) throws {
            if json { text += piece }
            try view.show(.text(piece))
        }

        while !Interrupts.requested, generator.prefill() {}
        let promptSeconds = Machine.now() - start
        while !Interrupts.requested, stream.stop == nil, let token = try generator.step() {
            let bytes = loaded.encoding.bytes(of: token)
            let scored = GeneratedToken(id: token, bytes: bytes, score: generator.scores.last)
            if json && showProbabilities { tokens.append(scored) }
            try view.show(.token(scored))
            try show(stream.append(bytes))
        }
        try show(stream.finish())
        if view.output.isTerminal { try view.endLine() }

        let seconds = Machine.now() - start
        let count = generator.generated.count
        let rate = Double(count) / max(seconds - promptSeconds, 1e-9)
        let end =
            Interrupts.requested ? "interrupted" : generator.end == .maxTokens ? "length" : "stop"
        if json {
            var result = JSONObject([
                ("model", .string(loaded.name)),
                ("adapter", loaded.adapters.first.map { .string($0.directory) } ?? .null),
                ("prompt_tokens", .integer(prompt.count)),
                ("tokens", .integer(count)),
                ("text", .string(String(decoding: text, as: UTF8.self))),
                ("end", .string(end)), ("seconds", .number(seconds)),
                ("tokens_per_second", .number(rate)),
                ("seed", .integer(Int(clamping: parameters.seed))),
            ])
            if showProbabilities {
                result.append("probabilities", ProbabilityView.json(tokens, loaded.encoding))
            }
            try StandardStreams.printLine(JSONWriter.string(.object(result)))
        } else if verbose || StandardStreams.errorIsTerminal {
            StandardStreams.note(
                "\(Figures.grouped(count)) tokens, \(Figures.decimal(rate, 1)) tokens/s, "
                    + "prompt of \(Figures.grouped(prompt.count)) in "
                    + "\(Figures.decimal(promptSeconds, 2)) s, seed \(parameters.seed)")
        }
        if Interrupts.requested { throw Interrupts.exitCode }
    }
}
