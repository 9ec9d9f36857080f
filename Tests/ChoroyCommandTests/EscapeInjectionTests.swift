import ChoroySystem
import TestSupport
import Testing
import choroy

/// What a model says, or a file is called, never controls the terminal; a pipe gets it as it is.
@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `Escape sequences` {
    /// X01 to X20: what has been seen in attacks on terminals.
    static let seeds = [
        "\u{1B}[31mred", "\u{1B}]0;title", "\u{9B}31mred", "\u{9D}0;title\u{9C}",
        "\u{1B}]8;;http://a.b\u{1B}\\link\u{1B}]8;;\u{1B}\\", "\u{1B}[32mgreen\u{7}",
        "\u{1B}[8mhidden",
        "\u{1B}]52;c;aGk=\u{7}", "\u{1B}]0;owned\u{7}", "\u{1B}[2Jgone",
        "\u{1B}[1A\u{1B}[Krewritten",
        "\u{1B}creset", "\u{1B}Pq#0\u{1B}\\", "\u{1B}[?1049h", "\u{1B}P$q\"p\u{1B}\\\u{1B}[6n",
        "safe\rover", "safe\u{8}\u{8}\u{8}\u{8}over", "end\u{1B}", "\u{C2}\u{9B}2J",
        "\u{202E}txt.exe\u{2066}",
    ]

    private static func name(_ index: Int) -> String {
        index < 9 ? "X0\(index + 1)" : "X\(index + 1)"
    }

    /// A model of single bytes, so each sequence comes in as many tokens as it has bytes.
    private func withModel(_ body: (String) throws -> Void) throws {
        try Fixtures.withTemporaryDirectory { directory in
            var text = ""
            for (index, seed) in Self.seeds.enumerated() {
                text += "User: \(Self.name(index))\nAssistant: <\(index)>\(seed)\n"
            }
            text += "User: X99\nAssistant: \u{1B}]0;" + String(repeating: "pwned", count: 40)
            text = String(repeating: text + "\n", count: 8)
            try AtomicFile.write(Array(text.utf8), to: FilePath.join(directory, "text"))
            let made = try CommandRun.shell(
                "$choroy ngram text --unit byte --order 24 --output m.arpa", in: directory)
            #expect(made.code == 0, "\(made.errors)")
            try body(directory)
        }
    }

    @Test func `of a reply are shown on a terminal and obeyed by none`() throws {
        try withModel { directory in
            let model = FilePath.join(directory, "m.arpa")
            let run = try TerminalRun(
                ["chat", model, "--temperature", "0", "--max-tokens", "400", "--no-history"],
                columns: 120)
            #expect(run.sees(">>>"))
            for (index, seed) in Self.seeds.enumerated() {
                run.type("/clear\r")
                #expect(run.sees(">>> /clear", "A new conversation.", ">>>"))
                run.type("\(Self.name(index))\r")
                let shown = "<\(index)>\(TerminalText.visible(seed))"
                #expect(run.sees(shown, ">>>"), "\(Self.name(index)): \(run.display.text)")
            }
            run.type("X99\r")
            #expect(run.sees { $0.text.contains("\\x1b]0;pwnedpwned") })
            #expect(run.sees(within: 30) { $0.lines[$0.cursor.row] == ">>>" })
            run.type("\u{4}")
            #expect(run.end() == 0)
            #expect(run.display.violations == [])
        }
    }

    @Test func `of a reply reach a pipe byte by byte`() throws {
        try withModel { directory in
            let questions = Self.seeds.indices.map { "/clear\\n\(Self.name($0))\\n" }.joined()
            let result = try CommandRun.shell(
                "printf '\(questions)' | $choroy chat m.arpa --temperature 0", in: directory)
            let replies = Self.seeds.enumerated().map { "<\($0)>\($1)\n" }.joined()
            #expect(result.output == Array(replies.utf8))
            #expect(result.code == 0)
        }
    }

    @Test func `of file names and arguments are shown`() throws {
        try withModel { directory in
            let name = "m\u{1B}]0;t\u{7}\u{9B}2J\u{202E}.arpa"
            let path = FilePath.join(directory, name)
            try FilePath.rename(FilePath.join(directory, "m.arpa"), to: path)
            let chat = try TerminalRun(["chat", path, "--no-history"])
            #expect(chat.sees(">>>"))
            #expect(chat.display.text.contains("m\\x1b]0;t\\x07\\u{9b}2J\\u{202e}.arpa"))
            chat.type("\u{4}")
            #expect(chat.end() == 0 && chat.display.violations == [])

            for arguments in [
                ["chat", path + "\u{1B}[2J"], ["generate", path, "--prompt-file", "\u{1B}[2J"],
                ["generate", path, "--top-k", "\u{1B}[31m"], ["\u{1B}[31m"],
                ["chat", "--\u{9B}2J"],
                ["evaluate", path, "\u{1B}]0;t\u{7}"],
            ] {
                let run = try TerminalRun(arguments)
                #expect(run.end() != 0)
                #expect(run.display.violations == [] && !run.screen.isEmpty)
                #expect(!run.screen.contains(0x1B), "\(arguments)")
            }
        }
    }

    @Test func `of ten million bytes that nothing ends stay text`() {
        let text = "\u{1B}]0;" + String(repeating: "pwned ", count: 10_000_000 / 6)
        var wrap = WordWrap(columns: 80)
        var display = TerminalScreen(columns: 80, rows: 24)
        var bytes = 0
        var rest = text.utf8[...]
        while !rest.isEmpty {
            let piece = rest.prefix(60_000)
            rest = rest.dropFirst(piece.count)
            let shown = wrap.append(TerminalText.visible(String(decoding: piece, as: UTF8.self)))
            bytes += shown.utf8.count
            // The emulator is slower than a terminal; the beginning and the end tell.
            if bytes < 200_000 || rest.isEmpty { display.feed(shown) }
            #expect(!shown.utf8.contains(0x1B))
        }
        #expect(bytes > 9_900_000 && display.violations == [])
    }

    @Test func `and colours are left out where styles are not wanted`() throws {
        try withModel { directory in
            for environment in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
                let run = try TerminalRun(
                    [
                        "chat", FilePath.join(directory, "m.arpa"), "--temperature", "0",
                        "--no-history",
                    ],
                    environment: environment)
                #expect(run.sees(">>>"))
                run.type("X01\r")
                #expect(run.sees { $0.text.contains("<0>\\x1b[31mred") })
                #expect(run.sees { $0.lines[$0.cursor.row] == ">>>" })
                run.type("\u{4}")
                #expect(run.end() == 0)
                let text = String(decoding: run.screen, as: UTF8.self)
                #expect(!text.contains("m\u{1B}[0m") && !text.contains("\u{1B}[3"))
            }
        }
    }

    @Test func `a reader of the replies that leaves ends the chat quietly`() throws {
        try `Generating and chatting`.withModel { directory in
            let result = try CommandRun.shell(
                """
                { echo 'Go!' | $choroy chat m.arpa --temperature 0 --max-tokens 1000000000; \
                echo $? >code; } | head -c 10; cat code
                """,
                in: directory)
            #expect(result.output.count == 12 && result.text.hasSuffix("0\n"))
            #expect(result.errors == "")
        }
    }
}
