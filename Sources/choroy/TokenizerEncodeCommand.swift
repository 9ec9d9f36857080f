import ArgumentParser
import ChoroySystem
import ChoroyText

/// `choroy tokenizer encode`
struct TokenizerEncodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode",
        abstract: "Turn text into token ids.",
        discussion: """
            ids: decimal ids with a space between, one line a file. pieces: the tokens in the \
            byte-level alphabet, one line a file. binary: the ids of all files in one token file, \
            all numbers little endian: "CHOROYTK", uint32 version 1, uint32 bytes per id (2 or 4), \
            uint64 number of ids (all ones in a pipe: up to its end), 64 hexadecimal digits of the \
            tokenizer's hash, the ids. Text of any length is encoded piece by piece, in memory that \
            does not depend on its length.

            No beginning or end token is added. Text is plain text unless --parse-special is given.

            Example:
              choroy tokenizer encode --tokenizer tok/ book.txt
              choroy tokenizer encode --tokenizer tok/ book.txt --format binary --output book.tokens
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case ids, pieces, binary }

    @OptionGroup var source: TokenizerOption

    @Argument(help: "Text files, directories, or - for standard input (the default).")
    var text: [String] = []

    @Option(help: "ids, pieces or binary.")
    var format = Format.ids

    @Option(name: .shortAndLong, help: "The file to write (default: standard output).")
    var output: String?

    @Flag(help: "What is spelled like a special token becomes that token.")
    var parseSpecial = false

    @OptionGroup var threads: ThreadOptions

    func run() throws {
        threads.apply()
        let tokenizer = try source.read()
        if let output {
            try AtomicFile.write(to: output) { file in
                let file = file
                let result = try write(tokenizer) { try file.append($0) }
                if format == .binary, file.isSeekable {
                    try file.overwrite(result.countBytes, at: TokenOutput.countPlace)
                }
            }
        } else {
            _ = try write(tokenizer) { try StandardStreams.write($0) }
        }
    }

    private func write(_ tokenizer: Tokenizer, _ put: @escaping ([UInt8]) throws -> Void) throws
        -> TokenOutput
    {
        var result = try TokenOutput(format, tokenizer, put)
        for file in try Corpus.files(at: text.isEmpty ? ["-"] : text) {
            var stream = EncodingStream(tokenizer, parsingSpecialTokens: parseSpecial)
            try FileBytes.forEachPiece(of: file) { try result.append(stream.append($0)) }
            try result.append(stream.finish())
            try result.endText()
        }
        return result
    }
}
