public import ArgumentParser
public import ChoroyModel
import ChoroySystem
import ChoroyText

struct NGram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ngram",
        abstract: "Estimate an n-gram model from text and write it as an ARPA or .ngram file.",
        discussion: """
            Interpolated modified Kneser-Ney smoothing. Characters, bytes and tokens are read as one \
            unbroken text; with words each line is a sentence, as KenLM reads it (the marks <s>, </s> and <unk> in a text are left out, as by its --skip_symbols), or each document with \
            --document-mode.

            With --prune n-grams that occur as often as the number says, or less, are left out; a number \
            for each order, the last for all above. Their share goes to shorter contexts.

            A file named .ngram is mapped into memory when it is opened; --layout compact or quantized \
            makes it smaller.

            Example:
              choroy ngram book.txt --order 5 --output book.ngram
              choroy ngram book.txt --order 6 --unit character --output book.arpa
              choroy ngram book.txt --order 3 --prune 0 1 2 --output book.arpa
            """)

    @Argument(
        help: ArgumentHelp("Text files, directories, or - for standard input.", valueName: "text"))
    var texts: [String]

    @Option(help: "The longest n-grams, 1 to \(NGramEstimate.maximumOrder).")
    var order = 5

    @Option(
        help:
            "What a token is: token, word, character or byte. Default: token with --tokenizer, else word."
    )
    var unit: NGramVocabulary.Unit?

    @Flag(help: "With words: a document is one sequence, and its line ends are white space.")
    var documentMode = false

    @Option(help: "The tokenizer whose tokens are counted: tokenizer.json or a directory with one.")
    var tokenizer: String?

    @Option(
        parsing: .upToNextOption,
        help: "Leave out n-grams that occur so often or less: for each order, not falling.")
    var prune: [Int] = []

    @Option(
        help: ArgumentHelp(
            "Words that the model may have, in any lines; others are unknown.", valueName: "file"))
    var limitVocab: String?

    @OptionGroup var target: NGramOutput

    @Option(
        help: ArgumentHelp(
            "Memory to work in, as in 512M or 4G. What it does not hold goes to files in TMPDIR (else /var/tmp). Default: no limit.",
            valueName: "size"))
    var memory: ByteSize?

    @Flag(help: "Print one JSON object about the model on standard output.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    /// Where the tokenizer of a model of tokens is kept: beside the file, named by its hash, so that
    /// an earlier model keeps its own until its file is replaced.
    static func tokenizerPath(of path: String, hash: String?) -> String {
        "\(path).tokenizer-\(hash?.prefix(12) ?? "none")"
    }

    func validate() throws {
        guard order >= 1 && order <= NGramEstimate.maximumOrder else {
            throw ValidationError("--order \(order) is not in 1...\(NGramEstimate.maximumOrder)")
        }
        if unit == .token && tokenizer == nil {
            throw ValidationError("--unit token needs --tokenizer PATH")
        }
        if let unit, unit != .token, tokenizer != nil {
            throw ValidationError("--tokenizer goes with --unit token, not \(unit.rawValue)")
        }
        guard NGramPruning(thresholds: prune).isValid, prune.count <= order else {
            throw ValidationError(
                "--prune: expected at most \(order) numbers from 0 on that do not fall, found "
                    + prune.map(String.init).joined(separator: " "))
        }
        guard hasWords || prune.first ?? 0 == 0 else {
            throw ValidationError("--prune: expected 0 first, since only words can be left out")
        }
        if documentMode && !hasWords {
            throw ValidationError("--document-mode goes with --unit word")
        }
        if limitVocab != nil && !hasWords {
            throw ValidationError("--limit-vocab goes with --unit word")
        }
    }

    private var hasWords: Bool { unit == .word || unit == nil && tokenizer == nil }

    func run() throws {
        threads.apply()
        let start = Machine.now()
        let unit = unit ?? (tokenizer == nil ? .word : .token)
        let source = try tokenizer.map { try Tokenizer(contentsOf: $0) }
        let workspace = Workspace(budget: memory?.bytes)
        let files = try TextFile.files(at: texts)
        var progress = NGramProgress()
        let size = files.reduce(0) { $0 + $1.size }
        let text = try NGramCorpus(
            files, unit: unit, tokenizer: source, joinsLines: documentMode, in: workspace
        ) { progress.update(.reading, $0, size) }
        progress.clear()
        var vocabulary = text.vocabulary
        let sequences = text.sequences
        guard sequences.count > 0 else {
            throw FileError(
                texts.joined(separator: ", "), expected: "a \(unit.rawValue)", found: "none")
        }
        guard sequences.count < NGramEstimate.maximumTokens else {
            throw FileError(
                texts.joined(separator: ", "),
                expected: "fewer than \(NGramEstimate.maximumTokens) \(unit.rawValue)s",
                found: "\(sequences.count)")
        }
        var pruning = NGramPruning(thresholds: prune)
        if let limitVocab { pruning.allowed = vocabulary.words(in: try FileBytes.read(limitVocab)) }
        let estimate = NGramEstimate(
            order: order, sequences, pruning: pruning, unknownToken: vocabulary.unknownToken
        ) { progress.update($0, $1, $2) }
        progress.clear()
        if let unigrams = estimate.unigrams, unit == .word {
            vocabulary = vocabulary.keeping(unigrams)
        }
        for note in estimate.notes { StandardStreams.note("note: \(note)") }
        if let failure = workspace.failure {
            StandardStreams.note("note: more memory than --memory was needed: \(failure)")
        }
        let cost = try target.write(estimate.model, vocabulary, tokenizer: source)
        if let budget = memory?.bytes, Machine.peakResidentBytes > budget {
            StandardStreams.note(
                "note: \(Figures.megabytes(Machine.peakResidentBytes)) of memory were needed at once, "
                    + "more than --memory")
        }
        report(estimate, sequences, unit, cost, seconds: Machine.now() - start)
    }

    private func report(
        _ estimate: NGramEstimate, _ sequences: NGramSequences, _ unit: NGramVocabulary.Unit,
        _ cost: QuantizationCost?, seconds: Double
    ) {
        let counts = estimate.model.counts
        StandardStreams.note(
            "\(Figures.grouped(sequences.count)) \(unit.rawValue)s read, order \(order)")
        StandardStreams.note(target.summary(estimate.model, cost, seconds: seconds))
        guard json else { return }
        let discounts = estimate.discounts.map { discounts in
            JSONValue.array(discounts.values.dropFirst().map { .number($0) })
        }
        print(
            JSONWriter.string(
                .object(
                    JSONObject([
                        ("output", .string(target.output)), ("order", .integer(order)),
                        ("unit", .string(unit.rawValue)),
                        ("vocabulary_size", .integer(estimate.model.vocabularySize)),
                        ("tokens", .integer(sequences.count)),
                        ("ngrams", .array(counts.map { .integer($0) })),
                        ("discounts", .array(discounts)),
                        ("notes", .array(estimate.notes.map { .string($0) })),
                        ("seconds", .number(seconds)),
                    ]))))
    }
}

extension NGramVocabulary.Unit: ExpressibleByArgument {}
