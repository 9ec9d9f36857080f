import ChoroySystem
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `chat` in scripts, and what it stores, with the model of `Generating and chatting`.
@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `Stored chats` {
    func inDirectory(_ body: (String) throws -> Void) throws {
        try `Generating and chatting`.withModel(body)
    }

    private func objects(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONReader.parse(Array($0.utf8), path: "output") }
    }

    @Test func `--once answers one message, and the session goes on with the next`() throws {
        try inDirectory { directory in
            let first = try CommandRun.shell(
                "$choroy chat m.arpa --temperature 0 --session s --system S --max-tokens 20 --once 'Count!'",
                in: directory)
            #expect(first.text == "one two three\n" && first.errors == "" && first.code == 0)
            let next = try CommandRun.shell(
                "$choroy chat --session s --once 'Count!' --json; $choroy chat --continue --once 'Count!' --json",
                in: directory)
            #expect(next.code == 0 && next.errors == "")
            let replies = try objects(next.text)
            #expect(replies.count == 2)
            #expect(replies.allSatisfy { $0["session"] == .string("s") })
            let list = try CommandRun.shell(
                "$choroy chat --list-sessions; $choroy chat --list-sessions --json; stat -c %a home home/sessions home/sessions/s.jsonl",
                in: directory)
            #expect(list.text.hasPrefix("s  ") && list.text.contains("3 turns  Count!\n"))
            #expect(list.text.hasSuffix("700\n700\n600\n"))
            let stored = try objects(
                CommandRun.shell("cat home/sessions/s.jsonl", in: directory).text)
            #expect(stored[0]["settings"]?["system"] == .string("S"))
            #expect(stored[0]["settings"]?["max_tokens"] == .integer(20))
            #expect(
                stored.compactMap { $0["role"]?.string } == [
                    "user", "assistant", "user", "assistant", "user", "assistant",
                ])
        }
    }

    @Test func `a session in pieces gives what one in one piece gives`() throws {
        try inDirectory { directory in
            let result = try CommandRun.shell(
                """
                o='--temperature 0 --max-tokens 30'
                printf 'Hm\\nCount!\\nPaints!\\nCount!\\n' | $choroy chat m.arpa $o --json --session whole > whole
                for text in Hm Count! Paints! Count!; do
                $choroy chat m.arpa $o --json --session parts --once $text; done > parts
                cut -d'"' -f 8 whole > a; cut -d'"' -f 8 parts > b; cmp a b
                """, in: directory)
            #expect(result.code == 0, "\(result.errors)")
            let whole = try objects(CommandRun.shell("cat whole", in: directory).text)
            let parts = try objects(CommandRun.shell("cat parts", in: directory).text)
            #expect(whole.count == 4 && parts.count == 4)
            for (a, b) in zip(whole, parts) {
                for key in ["content", "tokens", "prompt_tokens", "end"] {
                    #expect(a[key] == b[key])
                }
            }
        }
    }

    @Test func `json has the figures of each reply, and probabilities when asked`() throws {
        try inDirectory { directory in
            let result = try CommandRun.shell(
                "printf 'Count!\\nPaints!\\n' | $choroy chat m.arpa --temperature 0 --seed 5 --no-save --json --show-probabilities",
                in: directory)
            let replies = try objects(result.text)
            #expect(replies.count == 2 && result.errors == "")
            #expect(replies[0]["role"] == .string("assistant"))
            #expect(replies[0]["content"] == .string("one two three"))
            #expect(replies[0]["end"] == .string("stop") && replies[0]["seed"] == .integer(5))
            #expect(replies[0]["session"] == .null)
            for key in ["tokens", "prompt_tokens", "seconds", "tokens_per_second"] {
                #expect((replies[0][key]?.double ?? -1) > 0, "\(key)")
            }
            for reply in replies {
                let tokens = try #require(reply["probabilities"]?.array)
                #expect(!tokens.isEmpty)
                for token in tokens {
                    let probability = try #require(token["probability"]?.double)
                    let alternatives = try #require(token["alternatives"]?.array)
                    #expect(alternatives.count == 5)
                    // At temperature 0 the likeliest is drawn.
                    #expect(alternatives[0]["token"] == token["token"])
                    #expect(alternatives[0]["probability"]?.double == probability)
                    let sum = alternatives.reduce(0) { $0 + ($1["probability"]?.double ?? 2) }
                    #expect(sum <= 1 + 1e-9 && probability > 0)
                }
            }
            // The byte that is no UTF-8 comes as a byte.
            let bytes = replies[1]["probabilities"]?.array?.compactMap { $0["bytes"] }
            #expect(bytes?.contains(.array([.integer(255)])) == true)
            #expect(FilePath.kind(of: FilePath.join(directory, "home")) == .missing)
        }
    }

    @Test func `probabilities agree with the nats of evaluate`() throws {
        try inDirectory { directory in
            let result = try CommandRun.shell(
                """
                printf 'User: Count!\\nAssistant: ' > prompt
                $choroy generate m.arpa --prompt-file prompt --temperature 0 --max-tokens 13 --json --show-probabilities
                printf 'User: Count!\\nAssistant: one two three' > whole
                for f in whole prompt; do $choroy evaluate m.arpa $f --json; done
                """, in: directory)
            let lines = try objects(result.text)
            #expect(lines[0]["text"] == .string("one two three"))
            let nats = try #require(lines[0]["probabilities"]?.array).reduce(0) {
                $0 - log($1["probability"]?.double ?? 0)
            }
            let whole = try #require(lines[1]["nats"]?.double)
            let prompt = try #require(lines[2]["nats"]?.double)
            // Logits are Float: 13 tokens of one rounding each.
            #expect(abs(nats - (whole - prompt)) < 1e-4)
        }
    }

    @Test func `a pipe gets probabilities as a table`() throws {
        try inDirectory { directory in
            for command in [
                "generate m.arpa --prompt 'Count!\nAssistant: ' --max-tokens 3",
                "chat m.arpa --once Count! --max-tokens 3 --no-save",
            ] {
                let result = try CommandRun.shell(
                    "$choroy \(command) --temperature 0 --show-probabilities", in: directory)
                let lines = result.text.split(separator: "\n")
                #expect(lines.suffix(3).map { $0.suffix(3) }.last == "\"e\"" || lines.count == 3)
                #expect(
                    lines.allSatisfy { $0.firstMatch(of: /^[01]\.[0-9]{6} "/) != nil }, "\(lines)")
            }
        }
    }

    @Test(arguments: [
        ("chat", 2), ("chat m.arpa --once ''", 2), ("chat m.arpa --session a/b --once x", 2),
        ("chat m.arpa --session ../x --once x", 2), ("chat m.arpa --session x --continue", 2),
        ("chat m.arpa --session x --no-save --once x", 2), ("chat --continue --once x", 1),
        ("chat --session new --once x", 2), ("chat m.arpa --max-tokens 0 --once x", 2),
        ("chat missing --once x", 1), ("chat m.arpa --once x > /dev/full", 1),
    ])
    func `exit codes tell what went wrong`(arguments: String, code: Int32) throws {
        try inDirectory { directory in
            let result = try CommandRun.shell("$choroy \(arguments)", in: directory)
            #expect(result.code == code, "\(result.errors)")
            #expect(!result.errors.isEmpty)
            if code == 1 { #expect(result.errors.filter { $0 == "\n" }.count == 1) }
        }
    }

    @Test func `damage is told with the line`() throws {
        try inDirectory { directory in
            let result = try CommandRun.shell(
                """
                $choroy chat m.arpa --session s --once Count! --temperature 0
                sed -i 2s/user/god/ home/sessions/s.jsonl
                $choroy chat m.arpa --session s --once Count!
                """, in: directory)
            #expect(result.code == 1 && result.errors.contains("s.jsonl, line 2: "))
        }
    }

    @Test func `a home that cannot be written is told, and the chat goes on`() throws {
        try inDirectory { directory in
            let result = try CommandRun.shell(
                "CHOROY_HOME=/dev/null/x $choroy chat m.arpa --once Count! --temperature 0",
                in: directory)
            #expect(result.code == 0 && result.text == "one two three\n")
            #expect(
                result.errors.hasPrefix("(not stored: ")
                    && result.errors.filter { $0 == "\n" }.count == 1)
            let asked = try CommandRun.shell(
                "CHOROY_HOME=/dev/null/x $choroy chat m.arpa --session s --once Count!",
                in: directory)
            #expect(asked.code == 1 && asked.output.isEmpty)
        }
    }

    @Test func `a disk that is full keeps what is stored`() throws {
        try inDirectory { directory in
            let result = try CommandRun.shell(
                """
                $choroy chat m.arpa --session s --once Count! --temperature 0 > /dev/null
                cp home/sessions/s.jsonl before
                # The largest size that files may have stands for a disk that is full.
                (ulimit -f 1; head -c 3000 /dev/zero | tr '\\0' x | $choroy chat m.arpa --session s --temperature 0)
                echo $?; cmp before home/sessions/s.jsonl && echo same
                $choroy chat m.arpa --session s --once Count! --temperature 0
                """, in: directory)
            #expect(result.text == "1\nsame\none two three\n", "\(result.text) \(result.errors)")
            #expect(result.errors.hasPrefix("choroy: ") && result.errors.contains("s.jsonl"))
        }
    }

    @Test func `two chats cannot hold one session`() throws {
        try inDirectory { directory in
            let run = try TerminalRun(
                ["chat", FilePath.join(directory, "m.arpa"), "--session", "s"],
                home: FilePath.join(directory, "home"))
            #expect(run.sees(">>>"))
            let second = try CommandRun.shell(
                "$choroy chat m.arpa --session s --once x", in: directory)
            #expect(
                second.code == 1
                    && second.errors.contains(
                        "session s: expected a conversation that no other chat is in")
            )
            run.type("\u{4}")
            #expect(run.end() == 0)
        }
    }

    /// Kills the chat at moments that a seed chooses, by the number of replies that were seen.
    @Test(arguments: 0..<6) func `a chat that is killed has all its finished turns`(seed: Int)
        throws
    {
        try inDirectory { directory in
            var random = SeededRandom(seed: UInt64(seed))
            let home = FilePath.join(directory, "home")
            var finished = 0
            for _ in 0..<3 {
                let run = try TerminalRun(
                    [
                        "chat", FilePath.join(directory, "m.arpa"), "--temperature", "0",
                        "--session", "s",
                    ],
                    home: home)
                #expect(run.sees(">>>"))
                for _ in 0..<random.below(3) {
                    run.type("Count!\r")
                    #expect(run.shows("one two three"))
                    #expect(run.shows(">>> "))
                    finished += 1
                }
                // In the middle of what it does with the next message.
                run.type("Count!\r")
                if random.below(2) == 0 { _ = run.shows("one") }
                usleep(UInt32(random.below(3000)))
                run.send(SIGKILL)
                _ = run.end()
                let path = FilePath.join(home, "sessions/s.jsonl")
                guard FilePath.kind(of: path) == .file else { continue }
                // What was written when it was killed stays as it is.
                let before = try FileBytes.read(path)
                let list = try CommandRun.shell(
                    "$choroy chat m.arpa --session s --once Paints! --temperature 0 > /dev/null && cat home/sessions/s.jsonl",
                    in: directory)
                #expect(list.code == 0, "\(list.errors)")
                let whole = before.lastIndex(of: 10).map { $0 + 1 } ?? 0
                #expect(list.output.starts(with: before[..<whole]))
                let replies = try objects(list.text).count {
                    $0["content"] == .string("one two three")
                }
                #expect(replies >= finished)
                finished = replies
            }
        }
    }

    @Test func `every command does what it says, on a terminal`() throws {
        try inDirectory { directory in
            let home = FilePath.join(directory, "home")
            let run = try TerminalRun(
                [
                    "chat", FilePath.join(directory, "m.arpa"), "--temperature", "0", "--session",
                    "s",
                ],
                home: home, columns: 120, rows: 50)
            #expect(run.shows(">>> "))
            func ask(_ text: String, _ answers: String...) {
                run.type(text + "\r")
                for answer in answers { #expect(run.shows(answer), "\(text): \(run.display.text)") }
                #expect(run.shows(">>> "))
            }
            ask("/regen", "no message to answer")
            ask("/undo", "nothing to undo")
            ask("/edit", "no message to change")
            ask("/tokens", "no reply in this run")
            ask("Count!", "one two three")
            ask("/regen", "one two three")
            ask("/tokens", "1:", "/tokens N shows")
            ask("/tokens 1", "> ", "%")
            ask("/tokens 99", "expected a number from 1 to")
            ask("/branch", "* main", "2 messages")
            ask("/branch side", "A new branch side, 2 messages.")
            ask("/undo", "(taken back: Count!)")
            ask("Paints!", "Colour")
            ask("/branch switch main", "Branch main, 2 messages.")
            ask("/branch switch sied", "did you mean side?")
            ask("/branch a/b", "without slashes")
            run.type("/edit\r")
            #expect(run.shows("edit> Count!"))
            run.type("\u{15}Paints!\r")
            #expect(run.shows("Colour"))
            #expect(run.shows(">>> "))
            ask("/edit 5", "from 1 to 1")
            ask("/set", "temperature", "0.0", "max-tokens", "512", "wordwrap", "on")
            ask("/set max-tokens 5", "max-tokens 5")
            ask("Count!", "one")
            ask("/set max-tokens 0", "expected a whole number from 1")
            ask("/set tempreature 1", "did you mean temperature?")
            ask("/set verbose on", "verbose on")
            ask("/regen", "(read ", "tokens/s; wrote 5 in ")
            ask("/system Be kind.", "system prompt: Be kind.")
            ask("/system off", "There is no system prompt.")
            ask("/adapter", "There is no adapter")
            ask("/adapter x", "found x")
            ask("/save", "Stored as s")
            ask("/save other", "Stored as other")
            ask("/load", "one of: other, s")
            ask("/load nothing", "There is no conversation nothing.")
            ask("/load s", "Session s: 2 turns.", "user: Count!")
            ask("/export json \(FilePath.join(directory, "out.json"))", "Wrote 4 messages")
            ask("/export json \(FilePath.join(directory, "out.json"))", "is there already")
            ask("/export md", "# s", "## User", "Paints!", "## Assistant")
            ask("/export xml", "expected md or json")
            ask("/hlep", "did you mean /help?")
            ask("/help", "/clear", "/export md|json [FILE]", "Ctrl-C")
            ask("/clear", "A new conversation.")
            ask("/branch list", "* main", "0 messages")
            run.type("/exp\t")
            #expect(run.sees { $0.text.contains(">>> /export") })
            run.type("\u{15}/bye\r")
            #expect(run.end() == 0)
            #expect(run.display.violations == [])
            let exported = try JSONReader.parse(
                FileBytes.read(FilePath.join(directory, "out.json")), path: "out.json")
            let roles = try #require(exported["messages"]?.array).map { $0["role"]?.string }
            #expect(roles == ["user", "assistant", "user", "assistant"])

            let again = try TerminalRun(
                ["chat", "--continue", "--temperature", "0"], home: home, columns: 120, rows: 50)
            #expect(again.shows("Session s: 0 turns."))
            #expect(again.shows(">>> "))
            again.type("\u{4}")
            #expect(again.end() == 0)
        }
    }

    @Test func `a reply that is stopped is stored as far as it was shown`() throws {
        try inDirectory { directory in
            let home = FilePath.join(directory, "home")
            let run = try TerminalRun(
                [
                    "chat", FilePath.join(directory, "m.arpa"), "--temperature", "0", "--session",
                    "s", "--max-tokens", "1000000000",
                ],
                home: home)
            #expect(run.sees(">>>"))
            run.type("Go!\r")
            #expect(run.shows("and on and on "))
            // The message is on the disk before its reply has ended.
            let file = FilePath.join(home, "sessions/s.jsonl")
            #expect(
                String(decoding: try FileBytes.read(file), as: UTF8.self).contains(
                    "\"content\":\"Go!\""))
            run.type("\u{3}")
            #expect(run.shows(">>> "))
            let stored = try objects(String(decoding: FileBytes.read(file), as: UTF8.self))
            #expect(stored.last?["end"] == .string("interrupted"))
            #expect(stored.last?["content"]?.string?.hasPrefix("and on and on") == true)
            run.type("\u{3}")
            #expect(run.shows("second Ctrl-C"))
            run.type("\u{3}")
            #expect(run.end() == 130)
        }
    }
}
