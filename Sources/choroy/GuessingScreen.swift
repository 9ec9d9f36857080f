import ChoroyModel
import ChoroySystem
import ChoroyText

/// The guessing game on a terminal, or by letters from a pipe, and what comes of it.
enum GuessingScreen {
    private static let endOfText: UInt8 = 4
    private static let interrupt: UInt8 = 3

    /// Asks for letters until all are guessed, or somebody ends the game.
    static func play(_ game: inout GuessingGame) throws {
        let isTerminal = StandardStreams.inputIsTerminal && StandardStreams.errorIsTerminal
        let raw = isTerminal ? RawMode() : nil
        defer {
            raw?.leave()
            if isTerminal { StandardStreams.noteExactly("\n\n") }
        }
        if isTerminal { show(game) }
        while !game.isOver {
            guard let keys = try StandardStreams.readInput(within: 0.2) else { continue }
            if keys.isEmpty { return }
            for key in keys where !game.isOver {
                switch key {
                case interrupt, endOfText, UInt8(ascii: "."): return
                case UInt8(ascii: "?"): game.guessAlphabet()
                case 0x61...0x7A: _ = game.guess(key - 32)
                default: _ = game.guess(key)
                }
            }
            if isTerminal { show(game) }
        }
    }

    /// The text so far, and what the next letter is not.
    private static func show(_ game: GuessingGame) {
        func text(_ bytes: some Sequence<UInt8>) -> String {
            String(decoding: Array(bytes), as: UTF8.self)
        }
        let room = max(10, StandardStreams.columns - 2 * game.tried.count - 20)
        var line = text(game.text[..<game.place].suffix(room)) + "_"
        if !game.tried.isEmpty {
            line += "  not " + game.tried.map { $0 == 32 ? "␣" : text([$0]) }.joined(separator: " ")
        }
        if let last = game.lastGuesses { line += "  (\(last))" }
        StandardStreams.noteExactly("\r\u{1b}[K\(line)")
    }

    /// Prints the bounds of the person and of models, and the true cost of the models.
    static func report(
        _ game: GuessingGame, _ series: ShannonSeries, orders: Range<Int>, json: Bool
    ) throws {
        guard game.ranks.bounds != nil else {
            StandardStreams.note("no letter was guessed")
            return
        }
        if !json {
            try StandardStreams.printLine(
                "\(game.ranks.letters) letters   right at once   bits a letter at least   at most   true"
            )
        }
        try line("you", game.ranks, bits: nil, json)
        for (order, model) in series.letterModels(orders) {
            let guesses = game.guesses(of: model)
            try line("order \(order)", guesses.ranks, bits: guesses.bits, json)
        }
    }

    private static func line(
        _ name: String, _ ranks: GuessRanks, bits: Double?, _ json: Bool
    ) throws {
        guard let bounds = ranks.bounds else { return }
        if json {
            let object = JSONObject([
                ("who", .string(name)), ("letters", .integer(ranks.letters)),
                ("guesses", .array(ranks.counts.map { .integer($0) })),
                ("first_share", .number(ranks.firstShare)), ("lower", .number(bounds.lower)),
                ("upper", .number(bounds.upper)), ("bits", bits.map { .number($0) } ?? .null),
            ])
            return try StandardStreams.printLine(JSONWriter.string(.object(object)))
        }
        func cell(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(1, width - text.count)) + text
        }
        try StandardStreams.printLine(
            name + cell("\(Figures.decimal(100 * ranks.firstShare, 0)) %", 24 - name.count)
                + cell(Figures.decimal(bounds.lower, 2), 25)
                + cell(Figures.decimal(bounds.upper, 2), 10)
                + cell(bits.map { Figures.decimal($0, 2) } ?? "", 7))
    }
}
