import ArgumentParser
import ChoroySystem
import ChoroyText

/// `choroy tokenizer train`
struct TokenizerTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a tokenizer on text.",
        discussion: """
            Writes tokenizer.json and tokenizer_config.json, which Hugging Face opens. The same text \
            gives the same file for any number of threads. A line that is only <|endoftext|> \
            separates documents. 264 tokens (256 bytes and 8 special ones) are a byte-level \
            vocabulary.

            Example:
              choroy tokenizer train book.txt --vocab-size 4096 --output tok/
            """)

    @Argument(help: "Text files, directories, or - for standard input.")
    var text: [String]

    @Option(help: "How many tokens, the 256 bytes and the special ones among them.")
    var vocabSize: Int

    @Option(
        help: ArgumentHelp(
            "How text is cut before merging: \(PreTokenizer.Pattern.allNames).",
            valueName: "pattern"))
    var pattern = PreTokenizer.Pattern.llamaBPE.rawValue

    @Option(help: "One more special token; may be repeated.")
    var special: [String] = []

    @Option(help: "A pair that occurs less often is never merged.")
    var minFrequency = 2

    @Option(
        help: ArgumentHelp(
            "Memory for counting and learning, as in 512M or 4G. What it does not hold goes to files in TMPDIR (else /var/tmp); of too many different words the most frequent are learnt from. Default: half of the machine's.",
            valueName: "size"))
    var memory: ByteSize?

    @Option(name: .shortAndLong, help: "The directory to write.")
    var output: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        guard minFrequency > 0 else {
            throw ValidationError("--min-frequency: expected at least 1, found \(minFrequency)")
        }
    }

    func run() throws {
        threads.apply()
        guard let pattern = PreTokenizer.Pattern(rawValue: pattern) else {
            throw ValidationError(
                "--pattern: expected \(PreTokenizer.Pattern.allNames), found \(pattern)")
        }
        let trainer = try BPETrainer(
            vocabularySize: vocabSize, pattern: pattern,
            specialTokens: Tokenizer.reservedTokens + special, minimumCount: minFrequency,
            memory: memory?.bytes ?? Machine.memoryBytes / 2)
        let start = Machine.now()
        let files = try TextFile.files(at: text)
        var progress = Progress(
            "counting", total: files.reduce(0) { $0 + $1.size }, unit: "bytes")
        var learning: Progress?
        let trained = try trainer.train(files) { state in
            switch state {
            case .counted(let bytes): progress.update(bytes)
            case .learnt(let tokens):
                if learning == nil { progress.clear() }
                learning = learning ?? Progress("learning", total: vocabSize, unit: "tokens")
                learning?.update(tokens)
            }
        }
        progress.clear()
        learning?.clear()
        let tokenizer = trained.tokenizer
        try tokenizer.save(to: output)
        let seconds = Machine.now() - start
        let size = tokenizer.vocabularySize
        if trained.smallestCount > 1 {
            let share = Double(trained.occurrencesLearnt) / Double(max(1, trained.occurrences))
            StandardStreams.note(
                "note: learnt from the pieces that occur \(trained.smallestCount) times or more, "
                    + "\((share * 1000).rounded() / 10) % of the text, so that the memory is enough"
            )
        }
        if size < vocabSize {
            StandardStreams.note(
                "note: \(size) tokens instead of \(vocabSize): no pair occurs \(minFrequency == 2 ? "twice" : "\(minFrequency) times") any more"
            )
        }
        if json {
            let result = JSONObject([
                ("vocabulary_size", .integer(size)), ("requested_size", .integer(vocabSize)),
                ("merges", .integer(tokenizer.mergeCount)),
                ("pattern", .string(pattern.rawValue)), ("bytes", .integer(trained.bytes)),
                ("documents", .integer(trained.documents)),
                ("pieces", .integer(trained.pieces)),
                ("smallest_count", .integer(trained.smallestCount)), ("seconds", .number(seconds)),
                ("hash", .string(tokenizer.hash)), ("output", .string(output)),
            ])
            print(JSONWriter.string(.object(result)))
        } else {
            let rounded = (seconds * 100).rounded() / 100
            print(
                "\(output): \(size) tokens (256 bytes, \(tokenizer.mergeCount) merges, "
                    + "\(tokenizer.specialTokens.count) special) from \(trained.bytes) bytes, "
                    + "pattern \(pattern.rawValue), \(rounded) s")
        }
    }
}

extension PreTokenizer.Pattern {
    /// All names, as help texts list them.
    static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
