import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

/// `choroy bench ngram`: speed of opening a model and of looking a text up.
struct BenchNGram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ngram",
        abstract: "Speed of opening an n-gram model and of looking a text up.",
        discussion: """
            open: from the path to the first 1,000 tokens scored. score: a text that is in memory, from \
            its bytes to the logarithm of each token's probability, in one thread; the first time in a \
            model that was just opened, and later times.

            Example: choroy bench ngram book.ngram held-out.txt --runs 9
            """)

    @Argument(help: "A .ngram or ARPA file.")
    var model: String
    @Argument(help: "Text files or directories.")
    var text: [String]
    @Option(help: "Timed runs; the median is reported.")
    var runs = 5
    @OptionGroup var common: BenchOptions

    func validate() throws {
        guard runs > 0 else { throw ValidationError("--runs: expected at least 1, found \(runs)") }
    }

    func run() throws {
        common.begin()
        let corpus = try Corpus(at: text)
        var seconds: [String: [Double]] = [:]
        var tokens = 0
        for _ in 0..<runs {
            let start = Machine.now()
            let loaded = try LoadedModel.load(model)
            let first = corpus.documents.first?.prefix(4096) ?? []
            _ = score(loaded, [first])
            let open = Machine.now()
            tokens = score(loaded, corpus.documents)
            let middle = Machine.now()
            _ = score(loaded, corpus.documents)
            seconds["open_seconds", default: []].append(open - start)
            seconds["score_first", default: []].append(Double(tokens) / (middle - open))
            seconds["score_later", default: []].append(Double(tokens) / (Machine.now() - middle))
        }
        let name = FilePath.name(of: model)
        common.report(
            name, metric: "open_milliseconds", unit: "ms",
            (seconds["open_seconds"] ?? []).map { $0 * 1000 }, precision: "")
        for metric in ["score_first", "score_later"] {
            common.report(
                name, metric: "\(metric)_tokens_per_second", unit: "tokens/s",
                seconds[metric] ?? [], precision: "")
        }
    }

    /// How many tokens were scored.
    private func score(_ loaded: LoadedModel, _ documents: [ArraySlice<UInt8>]) -> Int {
        let texts = EvaluationText.texts(documents, encoding: loaded.encoding)
        return Evaluation.evaluate(
            loaded.model, on: texts, convention: .rolling(context: nil),
            startToken: loaded.startOfText, unknownToken: loaded.unknownToken
        ).tokens
    }
}
