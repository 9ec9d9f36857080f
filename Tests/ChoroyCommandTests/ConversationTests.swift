import ChoroySystem
import TestSupport
import Testing

/// `generate` and `chat` with byte n-grams so long that the likeliest continuation is the text itself.
@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `Generating and chatting` {
    /// Control sequences, a character of four bytes, and a byte that is no UTF-8.
    static let answer =
        Array("Colour \u{1B}[31mred\u{7}\u{1B}]0;title\u{7} \u{9B}1m🦜 ".utf8) + [0xFF, 0x2E]

    static func withModel(_ body: (String) throws -> Void) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let dialogue =
                Array("User: Paints!\nAssistant: ".utf8) + answer
                + Array("\nUser: Count!\nAssistant: one two three\nUser: Go!\nAssistant: ".utf8)
                // The likeliest continuation never leaves this.
                + Array(String(repeating: "and on ", count: 40).utf8) + [10]
            let path = FilePath.join(directory, "text")
            try AtomicFile.write(Array(repeatElement(dialogue, count: 20).joined()), to: path)
            let made = try CommandRun.shell(
                "$choroy ngram text --unit byte --order 16 --output m.arpa", in: directory)
            #expect(made.code == 0, "\(made.errors)")
            try body(directory)
        }
    }

    @Test(arguments: [
        ("--version", 0), ("--help", 0), ("generate --help", 0), ("generate", 2), ("chat", 2),
        ("nonsense", 2), ("generate m.arpa --top-k x", 2), ("generate m.arpa --temperature nan", 2),
        ("generate m.arpa --top-p 0", 2), ("generate m.arpa --max-tokens -1", 2),
        ("generate m.arpa --prompt a --prompt-file b", 2), ("chat m.arpa", 2),
        ("generate missing --prompt a", 1), ("generate m.arpa --prompt-file missing", 1),
        ("generate /tmp --prompt a", 1), ("generate m.arpa --prompt a --threads 0", 2),
        ("generate m.arpa --prompt a > /dev/full", 1), ("--help > /dev/full", 1),
    ])
    func `exit codes tell success, failure and wrong usage`(arguments: String, code: Int32) throws {
        try Self.withModel { directory in
            let result = try CommandRun.shell("$choroy \(arguments)", in: directory)
            #expect(result.code == code)
            if code == 1 {
                #expect(result.errors.hasPrefix("choroy: "))
                #expect(result.errors.filter { $0 == "\n" }.count == 1)
            }
            if code == 2 { #expect(!result.errors.isEmpty && result.output.isEmpty) }
        }
    }

    @Test func `a pipe gets the exact bytes of the model`() throws {
        try Self.withModel { directory in
            let result = try CommandRun.shell(
                "printf 'User: Paints!\\nAssistant: ' | $choroy generate m.arpa --temperature 0 --stop '\nUser'",
                in: directory)
            #expect(result.output == Self.answer)
            #expect(result.errors == "" && result.code == 0)
        }
    }

    @Test func `the same seed gives the same text`() throws {
        try Self.withModel { directory in
            func text(_ seed: Int) throws -> [UInt8] {
                try CommandRun.shell(
                    "$choroy generate m.arpa --prompt Z --temperature 50 --top-k 0 --top-p 1 --min-p 0 --seed \(seed)",
                    in: directory
                ).output
            }
            let first = try text(1)
            #expect(try text(1) == first)
            #expect(try text(2) != first)
        }
    }

    @Test func `json gives the text and the figures`() throws {
        try Self.withModel { directory in
            let result = try CommandRun.shell(
                "$choroy generate m.arpa --prompt 'Count!\nAssistant: ' --temperature 0 --max-tokens 7 --json",
                in: directory)
            let object = try JSONReader.parse(result.output, path: "output")
            #expect(object["text"] == .string("one two"))
            #expect(object["tokens"] == .integer(7) && object["end"] == .string("length"))
        }
    }

    @Test func `a reader that leaves ends the text quietly`() throws {
        try Self.withModel { directory in
            let result = try CommandRun.shell(
                """
                { $choroy generate m.arpa --prompt 'User: Go!\nAssistant: ' --temperature 0 \
                --max-tokens 1000000000; echo $? >code; } | head -c 10; cat code
                """,
                in: directory)
            #expect(result.output.count == 12 && result.text.hasSuffix("0\n"))
            #expect(result.errors == "")
        }
    }

    @Test func `each line of a pipe is a message`() throws {
        try Self.withModel { directory in
            let result = try CommandRun.shell(
                "printf 'Paints!\\n\\nCount!\\n/bye\\nCount!' | $choroy chat m.arpa --temperature 0",
                in: directory)
            #expect(result.output == Self.answer + Array("\none two three\n".utf8))
            #expect(result.errors == "" && result.code == 0)
        }
    }

    @Test func `Ctrl-C ends generate with 130 and a complete line`() throws {
        try Self.withModel { directory in
            let model = FilePath.join(directory, "m.arpa")
            let run = try TerminalRun(
                [
                    "generate", model, "--prompt", "User: Go!\nAssistant: ", "--temperature", "0",
                    "--max-tokens", "1000000000",
                ])
            #expect(run.shows("and on and on "))
            run.type("\u{3}")
            #expect(run.end() == 130)
            #expect(run.screen.last == UInt8(ascii: "\n"))
        }
    }
}
