import ArgumentParser
import ChoroySystem
import ChoroyText

/// `choroy tokenizer decode`
struct TokenizerDecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Turn token ids back into the exact bytes.",
        discussion: """
            Reads decimal ids with white space between, and writes nothing but the bytes they stand \
            for.

            Example:
              choroy tokenizer encode --tokenizer tok/ book.txt \\
                | choroy tokenizer decode --tokenizer tok/ > copy.txt
            """)

    @OptionGroup var source: TokenizerOption

    @Argument(help: "A file of ids, or - for standard input (the default).")
    var file = "-"

    func run() throws {
        let tokenizer = try source.read()
        let text = try FileBytes.read(file)
        let title = file == "-" ? "standard input" : file
        var ids: [TokenID] = []
        for word in text.split(whereSeparator: { $0 == 32 || (9...13).contains($0) }) {
            let spelled = String(decoding: word.prefix(24), as: UTF8.self)
            guard let id = TokenID(spelled), id >= 0, Int(id) < tokenizer.vocabularySize else {
                throw FileError(
                    title, at: "byte \(word.startIndex)",
                    expected: "an id from 0 to \(tokenizer.vocabularySize - 1)",
                    found: spelled.debugDescription)
            }
            ids.append(id)
        }
        try StandardStreams.write(tokenizer.decode(ids))
    }
}
