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
            uint64 number of ids, 64 hexadecimal digits of the tokenizer's hash, the ids.

            No beginning or end token is added. Text is plain text unless --parse-special is given.

            Example:
              choroy tokenizer encode --tokenizer tok/ book.txt
              choroy tokenizer encode --tokenizer tok/ book.txt --format binary --output book.tokens
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case ids, pieces, binary }

    @Option(help: "A tokenizer.json, or a directory that holds one.")
    var tokenizer: String

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
        let tokenizer = try Tokenizer(contentsOf: tokenizer)
        var lines: [UInt8] = []
        var all: [TokenID] = []
        for file in try Corpus.files(at: text.isEmpty ? ["-"] : text) {
            let ids = tokenizer.encode(
                try FileBytes.read(file), parsingSpecialTokens: parseSpecial)
            switch format {
            case .ids:
                for (index, id) in ids.enumerated() {
                    if index > 0 { lines.append(32) }
                    lines += String(id).utf8
                }
                lines.append(10)
            case .pieces:
                lines += ids.map { tokenizer.name(of: $0) }.joined(separator: " ").utf8
                lines.append(10)
            case .binary: all += ids
            }
        }
        if format == .binary { lines = Self.binary(all, tokenizer: tokenizer) }
        if let output {
            try AtomicFile.write(lines, to: output)
        } else {
            try StandardStreams.write(lines)
        }
    }

    private static func binary(_ ids: [TokenID], tokenizer: Tokenizer) -> [UInt8] {
        let width = tokenizer.vocabularySize <= 1 << 16 ? 2 : 4
        var bytes = Array("CHOROYTK".utf8)
        func append(_ value: UInt64, _ count: Int) {
            for index in 0..<count { bytes.append(UInt8(value >> UInt64(8 * index) & 0xFF)) }
        }
        append(1, 4)
        append(UInt64(width), 4)
        append(UInt64(ids.count), 8)
        bytes += tokenizer.hash.utf8
        bytes.reserveCapacity(bytes.count + ids.count * width)
        for id in ids { append(UInt64(id), width) }
        return bytes
    }
}
