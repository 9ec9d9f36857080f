import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Shannon's game of 1951: somebody guesses letter after letter of a text that he has not read.
struct GuessingGame {
    /// Capital letters and the space.
    static let symbols = [32] + Array(UInt8(ascii: "A")...UInt8(ascii: "Z"))

    /// The text in these symbols; what comes before `place` is known.
    let text: [UInt8]
    private(set) var place: Int
    private let first: Int
    private let end: Int
    /// Wrong guesses at the letter at `place`.
    private(set) var tried: [UInt8] = []
    private(set) var ranks = GuessRanks(symbols: symbols.count)
    /// How many the letter before took.
    private(set) var lastGuesses: Int?

    /// - Parameters:
    ///   - known: Letters that are shown at the beginning.
    ///   - letters: How many are to be guessed.
    init(_ text: [UInt8], known: Int, letters: Int) {
        self.text = text
        first = min(known, text.count)
        place = first
        end = min(text.count, first + letters)
    }

    var isOver: Bool { place >= end }
    /// The letters that were guessed.
    var guessed: Range<Int> { first..<place }

    /// Counts a guess and tells whether it is right; what was tried before, or is no symbol, does not count.
    mutating func guess(_ letter: UInt8) -> Bool {
        guard Self.symbols.contains(letter), !tried.contains(letter) else { return false }
        guard letter == text[place] else {
            tried.append(letter)
            return false
        }
        pass(guesses: tried.count + 1)
        return true
    }

    /// Lets the alphabet guess on: the space, then A to Z.
    mutating func guessAlphabet() { for symbol in Self.symbols where guess(symbol) { return } }

    private mutating func pass(guesses: Int) {
        ranks.add(guesses: guesses)
        lastGuesses = guesses
        place += 1
        tried = []
    }

    /// The guesses of a model at the same letters, the likeliest first, and its bits a letter.
    func guesses(of model: NGramModel) -> (ranks: GuessRanks, bits: Double) {
        var ranks = GuessRanks(symbols: Self.symbols.count)
        var bits = 0.0
        var states = [model.initialState()]
        var unread = text[..<first].map { TokenID($0) }
        for place in guessed {
            let row = model.logits([unread], states: &states, at: .last).row(0)
            let right = row[Int(text[place])]
            let better = Self.symbols.count { symbol in
                row[Int(symbol)] > right || row[Int(symbol)] == right && symbol < text[place]
            }
            ranks.add(guesses: better + 1)
            bits -= Double(right) / M_LN2
            unread = [TokenID(text[place])]
        }
        return (ranks, bits / Double(max(1, guessed.count)))
    }
}
