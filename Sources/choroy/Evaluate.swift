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

            A model of words reads each line as a sentence, as KenLM and SRILM do, and is told with their \
            figures: perplexity with unknown words and without, ppl and ppl1.

            With --mix the model is mixed with another of the same tokens. The weight is the one given, or \
            the best one for the text of --mix-fit; without either, each half of the text is scored with \
            the weight that suits the other half, so that no token has a say in its own score.

            Examples:
              choroy evaluate book.arpa held-out.txt
              choroy evaluate checkpoints/book held-out.txt --mix book-tokens.arpa
            """)

    @Argument(help: "A model: a model directory, a .ngram or an ARPA file, or the index of a text.")
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

    @Flag(
        help:
            "With a model of words: a document is one sequence, and its line ends are white space.")
    var documentMode = false

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var mix: MixOptions
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
        let corpus = try Corpus(at: texts)
        let loaded = try LoadedModel.load(
            model, adapters: adapter.places, textSize: corpus.byteCount)
        if documentMode && loaded.unit != "word" {
            throw ValidationError("--document-mode goes with models of words, not \(loaded.unit)s")
        }
        let partner = try mix.partner(of: loaded)
        let convention = try resolved(
            limit: partner.map { loaded.commonContext(with: $0) } ?? loaded.contextLength)
        let documents = loaded.texts(corpus, joinsLines: documentMode)
        if case .llamaCpp(let context) = convention {
            let longest = documents.map(\.tokens.count).max() ?? 0
            guard longest >= 2 * context else {
                throw FileError(
                    texts.joined(separator: ", "),
                    expected: "at least \(2 * context) tokens for a context of \(context)",
                    found: "\(longest)")
            }
        }
        let share = try partner.flatMap { try mix.share(of: $0, in: loaded, convention) }
        let mixed = partner.map {
            EvaluatedMixture(
                loaded, $0, loaded.evaluation(with: $0, on: documents, convention), share: share,
                fittedTo: mix.fit)
        }
        let result = mixed?.result ?? Self.evaluate(loaded.model, loaded, documents, convention)
        guard result.tokens > 0 else {
            throw FileError(
                texts.joined(separator: ", "), expected: "a token that can be scored", found: "none"
            )
        }
        let report = EvaluationReport(
            loaded, result, isDocumentMode: documentMode, mixture: mixed)
        print(json ? JSONWriter.string(report.json) : report.lines.joined(separator: "\n"))
    }

    private func resolved(limit: Int?) throws -> EvaluationConvention {
        if let context, let limit, context > limit {
            throw ValidationError("--context \(context) is above the model's \(limit)")
        }
        let context = context ?? limit
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
            unknownToken: loaded.unknownToken, endToken: loaded.endOfSentence
        ) { progress.update($0) }
    }
}
