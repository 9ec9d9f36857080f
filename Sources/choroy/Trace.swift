import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

struct Trace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Find what of a text stands word for word in an indexed one, and where.",
        discussion: """
            Prints the longest spans first, each with how often it occurs and where: file and line. \
            A span is as long as it can be, and is not shown inside a longer one. The text is read from \
            standard input when neither --text nor --text-file is given.

            Example:
              choroy index book.txt --output book.index
              choroy trace book.index --text "It was the best of times, it was the worst of times"
              choroy generate checkpoints/book | choroy trace book.index
            """)

    @Argument(help: "An index that choroy index has made.")
    var index: String

    @Option(help: "The text to look for.")
    var text: String?

    @Option(help: "A file with the text to look for, - for standard input.")
    var textFile: String?

    @Option(
        help:
            "Tokens that a span has at least. Default: 6 tokens or words, 24 characters or bytes; all of a shorter text."
    )
    var minimum: Int?

    @Option(help: "How many spans are shown.")
    var limit = 20

    @Option(help: "How many places are shown of each span.")
    var places = 3

    @Flag(help: "Check all of the index first; without, what is small is checked.")
    var verify = false

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        if text != nil && textFile != nil {
            throw ValidationError("--text and --text-file exclude each other")
        }
        for (name, value) in [("minimum", minimum ?? 1), ("limit", limit), ("places", places)]
        where value < 1 {
            throw ValidationError("--\(name): expected 1 or more, found \(value)")
        }
    }

    func run() throws {
        threads.apply()
        let index = try TextIndex(path: index)
        if verify { try index.verify() }
        if verify, text == nil, textFile == nil, StandardStreams.inputIsTerminal {
            return StandardStreams.note("\(self.index): all of it is as it was written")
        }
        let bytes = try text.map { Array($0.utf8) } ?? FileBytes.read(textFile ?? "-")
        let tokens = index.vocabulary.encode(bytes)
        guard !tokens.isEmpty else {
            throw FileError("text", expected: "text to look for", found: "none")
        }
        let unit = index.vocabulary.unit
        let usual = unit == .token || unit == .word ? 6 : 24
        let minimum = minimum ?? min(usual, tokens.count)
        var progress = Progress("tracing", total: tokens.count, unit: "\(unit.rawValue)s")
        let spans = index.verbatimSpans(in: tokens, minimum: minimum) { progress.update($0) }
        progress.clear()
        let report = try TraceReport(
            index, text: bytes, tokens: tokens, spans: spans, minimum: minimum, limit: limit,
            places: places)
        try StandardStreams.write(Array((json ? report.json : report.text(.output)).utf8))
    }
}
