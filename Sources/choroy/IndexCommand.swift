import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

struct IndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Index a text, so that passages of any length are found in it.",
        discussion: """
            The index tells where in the text a passage stands word for word (choroy trace), and is a \
            model that looks back on any length of context (choroy evaluate, choroy generate). It needs no \
            other file, not even the tokenizer's.

            With bytes, the default, every passage is found to the letter. Tokens of a tokenizer make an \
            index a fourth as large, for text that a model of this tokenizer wrote.

            Example:
              choroy index book.txt --output book.index
              choroy index texts/ --tokenizer tok/ --output texts.index
            """)

    @Argument(
        help: ArgumentHelp("Text files, directories, or - for standard input.", valueName: "text"))
    var texts: [String]

    @Option(
        help:
            "What a token is: token, word, character or byte. Default: token with --tokenizer, else byte."
    )
    var unit: NGramVocabulary.Unit?

    @Option(help: "The tokenizer whose tokens are indexed: tokenizer.json or a directory with one.")
    var tokenizer: String?

    @Option(help: "The member of JSON lines that holds the text (default text).")
    var textField: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "m.index"))
    var output: String

    @Flag(help: "Print one JSON object about the index on standard output.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        if unit == .token && tokenizer == nil {
            throw ValidationError("--unit token needs --tokenizer PATH")
        }
        if let unit, unit != .token, tokenizer != nil {
            throw ValidationError("--tokenizer goes with --unit token, not \(unit.rawValue)")
        }
    }

    func run() throws {
        threads.apply()
        let start = Machine.now()
        let unit = unit ?? (tokenizer == nil ? .byte : .token)
        let size = try Corpus.files(at: texts).reduce(0) { $0 + (FilePath.size(of: $1) ?? 0) }
        var reading = Progress("reading", total: size, unit: "bytes")
        let text = try IndexedText(
            at: texts, unit: unit, tokenizer: try tokenizer.map { try Tokenizer(contentsOf: $0) },
            textField: textField
        ) { reading.update($0) }
        reading.clear()
        let count = text.tokens.count
        var work = ("", Progress("", total: 0, unit: ""))
        try TextIndexWriter.write(text, to: output) { what, share in
            if what != work.0 {
                work.1.clear()
                work = (what, Progress(what, total: count, unit: "\(unit.rawValue)s"))
            }
            work.1.update(Int(share * Double(count)))
        }
        work.1.clear()
        let seconds = Machine.now() - start
        StandardStreams.note(
            "\(output): \(Figures.grouped(count)) \(unit.rawValue)s of \(text.documentCount) "
                + "document\(text.documentCount == 1 ? "" : "s"), "
                + "\(Figures.megabytes(FilePath.size(of: output) ?? 0)), "
                + "\(Figures.decimal(seconds, 2)) s")
        guard json else { return }
        print(
            JSONWriter.string(
                .object(
                    JSONObject([
                        ("output", .string(output)), ("unit", .string(unit.rawValue)),
                        ("vocabulary_size", .integer(text.vocabulary.vocabularySize)),
                        ("tokens", .integer(count)), ("documents", .integer(text.documentCount)),
                        ("files", .array(text.files.map { .string($0) })),
                        ("bytes", .integer(FilePath.size(of: output) ?? 0)),
                        ("seconds", .number(seconds)),
                    ]))))
    }
}
