import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write an n-gram model in another format: ARPA, or .ngram in one of its layouts.",
        discussion: """
            A .ngram file is mapped into memory: it opens at once, whatever its size.
              fast       rows of 16 bytes and hash tables
              compact    fields of as many bits as they need, no number changed
              quantized  the same with logarithms of 8 bits; what that costs is said

            Example:
              choroy convert book.arpa --output book.ngram
              choroy convert book.ngram --layout quantized --output small.ngram
            """)

    @Argument(help: "The model: an ARPA or .ngram file.")
    var model: String

    @OptionGroup var target: NGramOutput

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    func run() throws {
        threads.apply()
        let start = Machine.now()
        let (model, vocabulary, tokenizer) = try LoadedModel.ngram(self.model)
        let cost = try target.write(model, vocabulary, tokenizer: tokenizer)
        let seconds = Machine.now() - start
        StandardStreams.note(target.summary(model, cost, seconds: seconds))
        guard json else { return }
        var object = JSONObject([
            ("output", .string(target.output)), ("order", .integer(model.order)),
            ("ngrams", .array(model.counts.map { .integer($0) })), ("seconds", .number(seconds)),
        ])
        if let cost {
            object.append("rms_log10_probability", .number(cost.logProbability))
            object.append("rms_log10_backoff", .number(cost.backoff))
        }
        print(JSONWriter.string(.object(object)))
    }
}
