import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

struct Shannon: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shannon",
        abstract: "Approximate a text by letters and words, as Shannon did in 1948.",
        discussion: """
            Prints what models of growing order write, and how many bits a letter or a word of the \
            last tenth of the text costs them; they learn from the rest. Order 0 takes all letters for \
            alike, order 1 as often as they are, order 2 knows pairs, and so on; words follow.

            With --play you guess the last tenth letter after letter, as in 1951: press a key for a \
            letter or the space, ? to let the alphabet guess, . to end. How many guesses you need \
            bounds the entropy of a letter; the models guess the same letters.

            Example:
              choroy shannon book.txt
              choroy shannon book.txt --fold --letters 3 --words 2
              choroy shannon book.txt --play
            """)

    @Argument(help: "Text files, directories, or - for standard input.")
    var text: [String]

    @Option(help: "The longest run of letters, 0 to 16.")
    var letters = 5

    @Option(help: "The longest run of words, 0 to 8.")
    var words = 2

    @Option(help: "Characters of a sample.")
    var length = 160

    @Flag(help: "Write the text with 27 symbols, as in 1948: capital letters and the space.")
    var fold = false

    @Flag(help: "Guess letters yourself, and see what that says about the entropy of a letter.")
    var play = false

    @Option(help: "With --play: how many letters are to be guessed.")
    var guesses = 40

    @Option(help: "What the samples are drawn with, or the place to guess from.")
    var seed: UInt64 = 1

    @Flag(help: "Print one JSON object for each order.")
    var json = false

    func validate() throws {
        for (name, value, range) in [
            ("letters", letters, 0...16), ("words", words, 0...8), ("length", length, 1...10_000),
            ("guesses", guesses, 1...10_000),
        ] where !range.contains(value) {
            throw ValidationError(
                "--\(name): expected \(range.lowerBound) to \(range.upperBound), found \(value)")
        }
    }

    func run() throws {
        let corpus = try Corpus(at: text)
        var bytes = Array(corpus.documents.joined(separator: [10]))
        if fold || play { bytes = ShannonSeries.folded(bytes) }
        let series = ShannonSeries(bytes, length: length, seed: seed)
        guard bytes.count < NGramEstimate.maximumTokens, !series.training.isEmpty,
            series.heldOut.contains(where: { $0 > 32 })
        else {
            throw FileError(
                text.joined(separator: ", "), expected: "a text of some words, below 2 GiB",
                found: "\(bytes.count) bytes")
        }
        StandardStreams.note(
            "learned from \(Figures.grouped(series.training.count)) bytes, "
                + "measured on the last \(Figures.grouped(series.heldOut.count))")
        if play { return try playGame(series) }
        try series.forEach(letters: letters, words: words) { approximation in
            if json {
                try StandardStreams.printLine(JSONWriter.string(Self.json(approximation)))
            } else {
                try StandardStreams.printLine(Self.line(approximation))
            }
        }
    }

    private func playGame(_ series: ShannonSeries) throws {
        var random = SeededRandom(seed: seed)
        let room = series.heldOut.count - Self.known - guesses
        let start = series.heldOut.startIndex + (room > 0 ? random.below(room) : 0)
        var game = GuessingGame(
            Array(series.heldOut[start...]), known: Self.known, letters: guesses)
        guard !game.isOver else {
            throw FileError(
                text.joined(separator: ", "),
                expected: "a text of at least \(11 * Self.known) letters",
                found: "\(series.training.count + series.heldOut.count)")
        }
        try GuessingScreen.play(&game)
        try GuessingScreen.report(game, series, orders: 1..<letters + 1, json: json)
    }

    /// Letters that are shown before the first is to be guessed.
    private static let known = 40

    private static func line(_ approximation: ShannonSeries.Approximation) -> String {
        let isWord = approximation.unit == .word
        var title = "\(isWord ? "words" : "letters"), order \(approximation.order)"
        title += String(repeating: " ", count: max(1, 20 - title.count))
        title += "\(Figures.decimal(approximation.bits, 2)) bits a \(isWord ? "word" : "letter")"
        if let unknown = approximation.unknown {
            title += ", \(Figures.decimal(100 * unknown, 1)) % of them unknown"
        }
        return "\(title)\n    \(TerminalText.visible(approximation.sample))\n"
    }

    private static func json(_ approximation: ShannonSeries.Approximation) -> JSONValue {
        .object(
            JSONObject([
                ("unit", .string(approximation.unit.rawValue)),
                ("order", .integer(approximation.order)),
                ("bits", .number(approximation.bits)),
                ("unknown_share", approximation.unknown.map { .number($0) } ?? .null),
                ("sample", .string(approximation.sample)),
            ]))
    }
}
