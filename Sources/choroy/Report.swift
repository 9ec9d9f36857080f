import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

/// `choroy report`
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show training runs in one HTML page.",
        discussion: """
            Curves of loss, validation, learning rate and speed, what the model wrote on the way, \
            configuration, machine, and the ladder against n-grams. The page is one file that needs no \
            network and no scripts. Several runs are compared.

            Examples:
              choroy report checkpoints/book
              choroy report checkpoints/a checkpoints/b --output compared.html
            """)

    @Argument(help: ArgumentHelp("Directories of training runs.", valueName: "directory"))
    var directories: [String]
    @Option(name: .shortAndLong, help: "The page to write; - for standard output.")
    var output = "report.html"

    func run() throws {
        var runs = try directories.map { try RunHistory(of: $0) }
        // Runs of one name are told apart by their paths.
        for index in runs.indices where runs.filter({ $0.name == runs[index].name }).count > 1 {
            runs[index].name = directories[index]
        }
        for index in runs.indices { addLadder(to: &runs[index], in: directories[index]) }
        let page = ReportPage(runs).html
        if output == "-" { return try StandardStreams.write(page.utf8) }
        try AtomicFile.write(Array(page.utf8), to: output)
        StandardStreams.note("\(output): \(runs.count == 1 ? "1 run" : "\(runs.count) runs")")
    }

    /// The n-grams that the model is compared with, learned from the tokens in the run's directory.
    private func addLadder(to run: inout RunHistory, in directory: String) {
        guard let hash = run.textHash, let bits = run.result?["validation_bits_per_byte"]?.double
        else { return }
        do {
            let tokenizer = try Tokenizer(contentsOf: directory)
            let file = try TokenFile(of: directory, textHash: hash, tokenizer: tokenizer)
            let end = tokenizer.id(ofSpecial: Corpus.separator)
            let heldOut = file.validationSample(
                limit: TrainingSession.finalValidationLimit, encoding: tokenizer)
            var ladder = Ladder()
            ladder.addUniform()
            ladder.addNGrams(
                [1, 3, 5], training: Self.documents(TrainingTokens(file), tokenizer, end),
                heldOut: heldOut.map { text in
                    tokenizer.decode(text.tokens.filter { $0 != end })[...]
                })
            ladder.add("this model", bitsPerByte: bits)
            run.ladder = ladder.rungs.map { ($0.name, $0.bitsPerByte) }
        } catch {
            StandardStreams.note("note: \(run.name): no ladder: \(error)")
        }
    }

    /// The text that is learned from, as bytes; of a large one the beginning.
    private static func documents(_ tokens: TrainingTokens, _ tokenizer: Tokenizer, _ end: TokenID?)
        -> [ArraySlice<UInt8>]
    {
        let limit = 1 << 23
        return (0..<tokens.documentCount).compactMap { index in
            let start = tokens.start(ofDocument: index)
            let stop = min(limit, tokens.start(ofDocument: index + 1))
            guard start < stop else { return nil }
            var document: [TokenID] = []
            tokens.append(start..<stop, to: &document)
            return tokenizer.decode(document.filter { $0 != end })[...]
        }
    }
}
