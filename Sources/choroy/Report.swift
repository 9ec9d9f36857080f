import ArgumentParser
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
        for index in runs.indices { addLadder(to: &runs[index]) }
        let page = ReportPage(runs).html
        if output == "-" { return try StandardStreams.write(page.utf8) }
        try AtomicFile.write(Array(page.utf8), to: output)
        StandardStreams.note("\(output): \(runs.count == 1 ? "1 run" : "\(runs.count) runs")")
    }

    /// The n-grams that the model is compared with, learned from the text of the run if it is still
    /// where it was.
    private func addLadder(to run: inout RunHistory) {
        guard !run.texts.isEmpty, !run.texts.contains("-"), let hash = run.textHash,
            let bits = run.result?["validation_bits_per_byte"]?.double
        else { return }
        guard let corpus = try? Corpus(at: run.texts) else {
            return StandardStreams.note("note: \(run.name): no ladder, since its text is gone")
        }
        let split = TextSplit(corpus)
        guard TrainingSession.hash(split) == hash else {
            return StandardStreams.note("note: \(run.name): no ladder, since its text has changed")
        }
        var ladder = Ladder()
        ladder.addUniform()
        ladder.addNGrams(
            [1, 3, 5], training: split.training,
            heldOut: split.validationSample(limit: TrainingSession.finalValidationLimit))
        ladder.add("this model", bitsPerByte: bits)
        run.ladder = ladder.rungs.map { ($0.name, $0.bitsPerByte) }
    }
}
