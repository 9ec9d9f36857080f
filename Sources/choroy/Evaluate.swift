import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Tell how well a model predicts a text: bits per byte and perplexity.",
        discussion: """
            Bits per byte can be compared between models of any vocabulary. Perplexity is that of one \
            token of the model, under the convention named:
              rolling    every token is scored once; windows keep half a context (default)
              llama.cpp  windows side by side, the second half of each is scored
              sliding    a window every --stride tokens, its last tokens are scored

            Example: choroy evaluate book.arpa held-out.txt
            """)

    @Argument(help: "A model: a model directory, a .ngram or an ARPA file.")
    var model: String

    @Argument(
        help: ArgumentHelp("Text files, directories, or - for standard input.", valueName: "text"))
    var texts: [String]

    enum Convention: String, ExpressibleByArgument, CaseIterable {
        case rolling, sliding
        case llamaCpp = "llama.cpp"
    }

    @Option(help: "Which tokens are scored, and after how much text.")
    var convention = Convention.rolling

    @Option(help: "Tokens of a window. Default: the model's context, else 512 where one is needed.")
    var context: Int?

    @Option(
        help: "Tokens from window to window with --convention sliding. Default: half the context.")
    var stride: Int?

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var adapter: AdapterOptions
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        try adapter.checkSingle()
        if let context, !(2...1 << 30).contains(context) {
            throw ValidationError("--context: expected 2 to \(1 << 30), found \(context)")
        }
        if let stride {
            guard convention == .sliding else {
                throw ValidationError("--stride goes with --convention sliding")
            }
            guard (1...(context ?? 1 << 30)).contains(stride) else {
                throw ValidationError(
                    "--stride: expected 1 to \(context ?? 1 << 30), found \(stride)")
            }
        }
    }

    func run() throws {
        threads.apply()
        let loaded = try LoadedModel.load(model, adapters: adapter.places)
        let corpus = try Corpus(at: texts)
        let convention = try resolved(for: loaded)
        let documents = loaded.texts(corpus)
        if case .llamaCpp(let context) = convention {
            let longest = documents.map(\.tokens.count).max() ?? 0
            guard longest >= 2 * context else {
                throw FileError(
                    texts.joined(separator: ", "),
                    expected: "at least \(2 * context) tokens for a context of \(context)",
                    found: "\(longest)")
            }
        }
        let result = Self.evaluate(loaded.model, loaded, documents, convention)
        guard result.tokens > 0 else {
            throw FileError(
                texts.joined(separator: ", "), expected: "a token that can be scored", found: "none"
            )
        }
        print(json ? Self.json(loaded, result) : Self.summary(loaded, result))
    }

    private func resolved(for loaded: LoadedModel) throws -> EvaluationConvention {
        if let context, let limit = loaded.contextLength, context > limit {
            throw ValidationError("--context \(context) is above the model's \(limit)")
        }
        let context = context ?? loaded.contextLength
        switch convention {
        case .rolling: return .rolling(context: context)
        case .llamaCpp:
            guard context ?? 512 >= 3 else {
                throw ValidationError(
                    "--convention llama.cpp: expected a context of 3 or more, found \(context ?? 0)"
                )
            }
            return .llamaCpp(context: context ?? 512)
        case .sliding:
            let context = context ?? 512
            guard stride ?? 1 <= context else {
                throw ValidationError("--stride \(stride ?? 1) is above the context of \(context)")
            }
            return .sliding(context: context, stride: stride ?? max(1, context / 2))
        }
    }

    private static func evaluate(
        _ model: some LanguageModel, _ loaded: LoadedModel, _ documents: [EvaluationText],
        _ convention: EvaluationConvention
    ) -> Evaluation {
        let total = documents.reduce(0) { $0 + $1.tokens.count }
        var progress = Progress("evaluating", total: total, unit: "\(loaded.unit)s")
        defer { progress.clear() }
        return Evaluation.evaluate(
            model, on: documents, convention: convention, startToken: loaded.startOfText,
            unknownToken: loaded.unknownToken
        ) { progress.update($0) }
    }

    private static func summary(_ loaded: LoadedModel, _ result: Evaluation) -> String {
        let first =
            result.scoresFirstToken
            ? "first token scored after the start of text" : "first token not scored"
        var parts = [
            "bits per byte \(Figures.decimal(result.bitsPerByte, 4))"
                + (result.standardError.isNaN
                    ? "" : " ± \(Figures.decimal(result.standardError, 4))"),
            "perplexity \(Figures.decimal(result.perplexity, 4)) per \(loaded.unit) "
                + "(\(result.convention.name), \(first))",
            "\(Figures.grouped(result.tokens)) \(loaded.unit)s",
            "\(Figures.grouped(result.bytes)) bytes",
        ]
        if loaded.unknownToken != nil {
            parts.append(
                "\(Figures.grouped(result.unknownTokens)) unknown (their spelling is not counted), "
                    + "perplexity without them "
                    + Figures.decimal(result.perplexityOfKnown, 4))
        }
        return parts.joined(separator: " | ")
    }

    private static func json(_ loaded: LoadedModel, _ result: Evaluation) -> String {
        JSONWriter.string(
            .object(
                JSONObject([
                    ("model", .string(loaded.name)),
                    ("adapter", loaded.adapters.first.map { .string($0.directory) } ?? .null),
                    ("convention", .string(result.convention.name)),
                    ("tokens", .integer(result.tokens)), ("bytes", .integer(result.bytes)),
                    ("nats", .number(result.nats)),
                    ("bits_per_byte", .number(result.bitsPerByte)),
                    ("standard_error", .number(result.standardError)),
                    ("perplexity", .number(result.perplexity)),
                ])))
    }
}
