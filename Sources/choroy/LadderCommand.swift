import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

struct LadderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ladder",
        abstract: "Compare models, n-grams and compressors on text that none of them has seen.",
        discussion: """
            Holds back parts from all over TEXT, the same that train holds back, and learns n-gram models \
            of order 1 to --order from the rest; with --validation all of TEXT is learned from. Models are \
            scored on the same held-out bytes; a * marks those that are not known to have been trained \
            without them. Compressors (gzip, and bzip2, zstd and xz where they are installed) say how many \
            bits the held-out text adds when it comes after the rest, and how many it takes alone.

            n-grams of words pay for the spelling of words that are new, but not for what kind of white \
            space is between words. Models of words in a file do not pay for spelling: they are marked, too.

            Examples:
              choroy ladder book.txt checkpoints/book
              choroy ladder book.txt --order 8 --svg ladder.svg
              choroy ladder train.txt --validation rest.txt --unit token --tokenizer checkpoints/book
            """)

    @Argument(help: "A text file, a directory of them, or - for standard input.")
    var text: String

    @Argument(help: "Models to be compared: model directories or n-gram files.")
    var models: [String] = []

    @Option(help: "Text to be judged by, instead of a part of TEXT; may be repeated.")
    var validation: [String] = []

    @Option(
        help: "The longest n-grams, 0 for none. Default: 6, of words and tokens 4.")
    var order: Int?

    @Option(help: "What n-grams are of: character, word, token or byte.")
    var unit = NGramVocabulary.Unit.character

    @Option(help: "With --unit token: whose tokens. Default: those of the first model directory.")
    var tokenizer: String?

    @Flag(inversion: .prefixedNo, help: "Whether compressors are measured.")
    var compressors = true

    @Option(help: ArgumentHelp("Draw the ladder into this SVG file.", valueName: "file"))
    var svg: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        if let order, !(0...NGramEstimate.maximumOrder ~= order) {
            throw ValidationError(
                "--order: expected 0 to \(NGramEstimate.maximumOrder), found \(order)")
        }
        if tokenizer != nil && unit != .token {
            throw ValidationError("--tokenizer goes with --unit token, not \(unit.rawValue)")
        }
    }

    private var longest: Int { order ?? (unit == .word || unit == .token ? 4 : 6) }

    func run() throws {
        threads.apply()
        // What cannot be read is said before the work begins.
        let loaded = try models.map { try LoadedModel.load($0) }
        let tokens = try tokensOfNGrams()
        let text = try LadderText(text, validation: validation)
        var ladder = Ladder()
        let compressors = compressors ? Compressor.installed : []
        var progress = Progress(
            "measuring", total: 1 + longest + loaded.count + compressors.count, unit: "rungs")
        func show(_ name: String) { progress.update(ladder.rungs.count, details: name) }

        ladder.addUniform()
        if longest > 0 {
            show("reading")
            let source = NGramText(unit, text.training, tokenizer: tokens)
            try text.check(tokens: source.count, unit)
            for order in 1..<longest + 1 {
                let name = "\(order)-gram"
                show(name)
                let result = source.evaluation(order: order, on: text.heldOut) { _ in show(name) }
                ladder.add(name, result, kind: .ngram)
            }
        }
        for model in loaded {
            show(model.name)
            ladder.add(
                model.name, model.evaluation(on: text.heldOut) { _ in show(model.name) },
                mayKnowText: !text.isUnknown(toRunIn: model.name),
                isIncomplete: model.unknownToken != nil)
        }
        for compressor in compressors {
            show(compressor.name)
            do {
                let bits = try compressor.bitsPerByte(
                    training: text.training, heldOut: text.heldOut)
                ladder.add(
                    Ladder.Rung(
                        name: compressor.name, kind: .compressor, bitsPerByte: bits.after,
                        alone: bits.alone))
            } catch {
                progress.note("note: \(compressor.name) is not measured: \(error)")
            }
        }
        progress.clear()
        try report(LadderReport(ladder, text, unit))
    }

    private func report(_ report: LadderReport) throws {
        if compressors {
            for name in Compressor.missing {
                StandardStreams.note("note: \(name) is not measured, since it is not installed")
            }
        }
        if let svg { try AtomicFile.write(Array(LadderDrawing(report).svg.utf8), to: svg) }
        if json {
            try StandardStreams.printLine(JSONWriter.string(report.json))
        } else {
            let columns =
                StandardStreams.outputIsTerminal ? StandardStreams.windowSize.columns : 100
            for line in report.lines(
                columns: columns, isPlain: !StandardStreams.outputIsTerminal)
            { try StandardStreams.printLine(line) }
        }
        if let svg { StandardStreams.note("drawn: \(svg)") }
    }

    private func tokensOfNGrams() throws -> Tokenizer? {
        guard unit == .token else { return nil }
        if let tokenizer { return try Tokenizer(contentsOf: tokenizer) }
        guard let model = models.first(where: { FilePath.kind(of: $0) == .directory }) else {
            throw ValidationError("--unit token needs --tokenizer PATH, or a model directory")
        }
        return try Tokenizer(contentsOf: model)
    }
}

extension LoadedModel {
    /// What documents cost the model, in windows of its context.
    fileprivate func evaluation(
        on documents: [ArraySlice<UInt8>], progress: (Int) -> Void
    ) -> Evaluation {
        func evaluate(_ model: some LanguageModel) -> Evaluation {
            Evaluation.evaluate(
                model, on: EvaluationText.texts(documents, encoding: encoding),
                convention: .rolling(context: contextLength), startToken: startOfText,
                unknownToken: unknownToken, progress: progress)
        }
        return evaluate(model)
    }
}
