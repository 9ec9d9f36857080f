import ChoroyModel
import ChoroySystem
import ChoroyText
import TestSupport

/// Texts in files, and their index.
struct TextIndexFixture {
    let index: TextIndex
    let text: IndexedText

    /// Calls `body` with the index of files "0.txt", "1.txt" …
    static func with<Result>(
        _ files: [String], unit: NGramVocabulary.Unit = .byte, tokenizer: Tokenizer? = nil,
        _ body: (TextIndexFixture) throws -> Result
    ) throws -> Result {
        try Fixtures.withTemporaryDirectory { directory in
            var paths: [String] = []
            for (number, file) in files.enumerated() {
                paths.append(FilePath.join(directory, "\(number).txt"))
                try AtomicFile.write(Array(file.utf8), to: paths[number])
            }
            let text = try IndexedText(at: paths, unit: unit, tokenizer: tokenizer)
            let path = FilePath.join(directory, "text.index")
            try TextIndexWriter.write(text, to: path)
            return try body(TextIndexFixture(index: try TextIndex(path: path), text: text))
        }
    }

    /// How often a row of tokens occurs, by looking everywhere.
    func count(of row: [TokenID]) -> Int {
        guard row.count <= text.tokens.count else { return 0 }
        return (0...text.tokens.count - row.count).count {
            text.tokens[$0..<$0 + row.count].elementsEqual(row)
        }
    }

    /// A text of few letters, so that much of it comes again.
    static func noise(_ count: Int, letters: String, _ random: inout SeededRandom) -> String {
        let letters = Array(letters)
        return String(
            (0..<count).map { _ in letters[Int.random(in: 0..<letters.count, using: &random)] })
    }
}
