import ArgumentParser
import ChoroySystem

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
        let page = ReportPage(runs).html
        if output == "-" { return try StandardStreams.write(page.utf8) }
        try AtomicFile.write(Array(page.utf8), to: output)
        StandardStreams.note("\(output): \(runs.count == 1 ? "1 run" : "\(runs.count) runs")")
    }
}
