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
            open: from the path to the first 1,000 tokens scored. load: from the path to the whole file \
            mapped, as evaluate does for a long text. score: a text that is in memory, from its bytes to \
            the logarithm of each token's probability, in one thread; the first time in a model that was \
            just loaded, and later times. whole: load and the first time.

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
            _ = score(try LoadedModel.load(model), [corpus.documents.first?.prefix(4096) ?? []])
            seconds["open", default: []].append(Machine.now() - start)
            let load = Machine.now()
            let loaded = try LoadedModel.load(model, textSize: .max)
            let first = Machine.now()
            tokens = score(loaded, corpus.documents)
            let later = Machine.now()
            _ = score(loaded, corpus.documents)
            seconds["load", default: []].append(first - load)
            seconds["score_first", default: []].append(later - first)
            seconds["score_later", default: []].append(Machine.now() - later)
            seconds["whole", default: []].append(later - load)
        }
        let name = FilePath.name(of: model)
        for metric in ["open", "load"] {
            common.report(
                name, metric: "\(metric)_milliseconds", unit: "ms",
                (seconds[metric] ?? []).map { $0 * 1000 }, precision: "")
        }
        for metric in ["score_first", "score_later", "whole"] {
            common.report(
                name, metric: "\(metric)_tokens_per_second", unit: "tokens/s",
                (seconds[metric] ?? []).map { Double(tokens) / $0 }, precision: "")
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
