import ChoroySystem
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `chat` on a pseudo-terminal, with the model of `Generating and chatting`.
@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `A chat on a terminal` {
    /// The chat at its first prompt, in a directory of its own.
    private func withChat(
        _ options: [String] = [], environment: [String: String] = [:], columns: Int = 80,
        rows: Int = 24, _ body: (TerminalRun, String) throws -> Void
    ) throws {
        try `Generating and chatting`.withModel { directory in
            let model = FilePath.join(directory, "m.arpa")
            let run = try TerminalRun(
                ["chat", model, "--temperature", "0"] + options,
                home: FilePath.join(directory, "home"), environment: environment,
                columns: columns, rows: rows)
            #expect(run.sees(">>>"))
            try body(run, directory)
            #expect(run.display.violations == [], "\(run.display.text)")
        }
    }

    /// Ctrl-D at the empty prompt, which leaves with 0 and the terminal as it was.
    private func leave(_ run: TerminalRun) {
        run.type("\u{4}")
        #expect(run.end() == 0)
        #expect(run.isCooked)
        #expect(run.display.cursor.column == 0)
    }

    // MARK: Typing

    @Test func `what is typed is sent with Enter and answered`() throws {
        try withChat { run, _ in
            run.type("Count!\r")
            #expect(run.sees(">>> Count!", "one two three", ">>>"))
            #expect(!run.isCooked)
            leave(run)
        }
    }

    @Test(arguments: [
        ("XCount\u{1B}[HY\u{1B}[3~\u{7F}\u{5}!", "Count!"),
        ("ount! more words\u{17}\u{17}\u{7F}\u{1}C", "Count!"),
        ("words Count!\u{1B}b\u{15}", "Count!"),
        ("Count! words\u{1B}[1;5D\u{7F}\u{B}", "Count!"),
        ("Count! it\u{1B}[D\u{1B}[D\u{1B}[D\u{B}", "Count!"),
        ("Cuont!\u{1}\u{6}\u{6}\u{14}", "Count!"),
        ("nt!\u{15}Cou\u{19}", "Count!"),
        ("C\u{1B}[19;2~ou\u{1B}[Int\u{1B}OP!", "Count!"),
        ("Co\u{1B}]11;rgb:0/0/0\u{7}unt!", "Count!"),
    ])
    func `keys edit the line`(keys: String, line: String) throws {
        try withChat { run, _ in
            run.type(keys)
            #expect(run.sees(">>> \(line)"))
            run.type("\r")
            #expect(run.sees(">>> \(line)", "one two three", ">>>"))
            leave(run)
        }
    }

    @Test func `wide characters and long lines stand where they belong`() throws {
        try withChat(columns: 20) { run, _ in
            run.type("안녕하세요 e\u{301}🦜 세계 세계!")
            #expect(run.sees(">>> 안녕하세요 e\u{301}🦜", "세계 세계!"))
            #expect(run.sees { $0.cursor.column == 10 })
            run.type("\u{1}x")
            #expect(run.sees { $0.text.contains(">>> x안녕하세요 e\u{301}🦜\n세계 세계!") })
            #expect(run.sees { $0.cursor.column == 5 })
            run.type("\u{15}\u{B}")
            #expect(run.sees { $0.lines.last { $0 != "" } == ">>>" })
            leave(run)
        }
    }

    @Test func `Tab completes a command and lists what is possible`() throws {
        try withChat { run, _ in
            run.type("/he\t")
            #expect(run.sees(">>> /help"))
            run.type("\u{15}/\t\t")
            #expect(run.sees { $0.text.contains("/bye") && $0.text.contains("/quit") })
            #expect(run.sees(">>> /"))
            run.type("\u{15}")
            leave(run)
        }
    }

    @Test func `a screen cleared with Ctrl-L keeps the line`() throws {
        try withChat { run, _ in
            run.type("Count!\u{C}")
            #expect(run.sees { $0.lines[0] == ">>> Count!" && $0.cursor == (0, 10) })
            run.type("\u{15}")
            leave(run)
        }
    }

    @Test func `what is typed during a reply waits for the prompt`() throws {
        try withChat(["--max-tokens", "1000000000"]) { run, _ in
            run.type("Go!\r")
            #expect(run.shows("and on and on "))
            run.type("Count!\u{3}")
            // The line that Ctrl-C was typed in is dropped by the terminal itself.
            #expect(run.sees(">>>"))
            #expect(!run.display.text.contains("Count!") && !run.display.text.contains("^C"))
            run.type("Go!\r")
            #expect(run.shows("and on and on "))
            run.type("\u{3}")
            run.type("Count!\r")
            #expect(run.sees(">>> Count!", "one two three", ">>>"))
            leave(run)
        }
    }

    // MARK: Several lines

    @Test func `a pasted text is shown with its lines, and not sent`() throws {
        try withChat { run, _ in
            run.type("\u{1B}[200~one\r\ntwo\tt\u{1B}[31m\rthree\u{3}\u{1B}[201~")
            #expect(run.sees(">>> one", "... two t\\x1b[31m", "... three\\x03"))
            // Still the prompt of the same message.
            run.type("\u{15}\u{15}!")
            #expect(run.sees(">>> one", "... two t\\x1b[31m!"))
            run.type("\u{3}")
            #expect(run.sees(">>>"))
            leave(run)
        }
    }

    @Test(arguments: [
        "one\u{1B}\rtwo", "one\\\rtwo", "\"\"\"one\rtwo\"\"\"", "\"\"\"\rone\rtwo\r\"\"\"",
        "\u{1B}[200~one\ntwo\u{1B}[201~", "one\u{1B}[13;2utwo",
    ])
    func `a message has lines and is recalled with them`(keys: String) throws {
        try withChat { run, _ in
            run.type(keys)
            #expect(run.sees { $0.text.contains("... ") })
            run.type("\r")
            #expect(run.sees(">>>"))
            run.type("\u{1B}[A")
            #expect(run.sees(">>> one", "... two"))
            // Up goes to the first line, then to the history, which has nothing older.
            run.type("\u{1B}[A\u{1B}[A1")
            #expect(run.sees(">>> one1"))
            run.type("\u{1B}[B2")
            #expect(run.sees(">>> one1", "... two2"))
            run.type("\u{3}")
            #expect(run.sees(">>>"))
            leave(run)
        }
    }

    // MARK: History

    @Test func `the history lasts from run to run in a private file`() throws {
        try withChat { run, directory in
            run.type("Count!\r")
            #expect(run.sees("one two three", ">>>"))
            run.type(" hidden\r")
            #expect(run.sees(">>>"))
            run.type("/set api-key 123\r")
            #expect(run.sees(">>>"))
            leave(run)

            let home = FilePath.join(directory, "home")
            let modes = try CommandRun.shell("stat -c %a home home/history", in: directory)
            #expect(modes.text == "700\n600\n")
            // Whoever widened the modes: the next chat puts them right.
            _ = try CommandRun.shell("chmod 755 home; chmod 644 home/history", in: directory)
            let model = FilePath.join(directory, "m.arpa")
            let next = try TerminalRun(["chat", model, "--temperature", "0"], home: home)
            #expect(next.sees(">>>"))
            next.type("draft\u{1B}[A\u{1B}[A")
            #expect(next.sees(">>> Count!"))
            next.type("\u{1B}[B")
            #expect(next.sees(">>> draft"))
            next.type("\u{15}\u{12}oun")
            #expect(next.sees("(search: oun) Count!"))
            next.type("\r")
            #expect(next.sees(">>> Count!", "one two three", ">>>"))
            leave(next)
            #expect(
                try CommandRun.shell("stat -c %a home home/history", in: directory).text
                    == "700\n600\n")
            #expect(try CommandRun.shell("cat home/history", in: directory).text == "Count!\n")
        }
    }

    @Test func `without a place for the history the chat goes on`() throws {
        try withChat(environment: ["CHOROY_HOME": "/dev/null/none"]) { run, _ in
            #expect(run.display.text.contains("(no history: "))
            run.type("Count!\r")
            #expect(run.sees("one two three", ">>>"))
            leave(run)
        }
        try withChat(["--no-history", "--no-save"]) { run, directory in
            run.type("Count!\r")
            #expect(run.sees("one two three", ">>>"))
            leave(run)
            #expect(FilePath.kind(of: FilePath.join(directory, "home")) == .missing)
        }
    }

    // MARK: Signals

    @Test func `Ctrl-C drops the line, twice at the prompt leaves with 130`() throws {
        try withChat { run, _ in
            run.type("dropped\u{3}")
            #expect(run.sees { $0.text.contains(">>> dropped^C\n") })
            #expect(run.sees(">>>"))
            run.type("Count!\r")
            #expect(run.sees("one two three", ">>>"))
            run.type("\u{3}\u{3}")
            #expect(run.end() == 130)
            #expect(run.isCooked)
        }
    }

    @Test func `Ctrl-C stops a reply and keeps what was shown`() throws {
        try withChat(["--max-tokens", "1000000000"]) { run, _ in
            run.type("Go!\r")
            #expect(run.shows("and on and on "))
            run.type("\u{3}")
            #expect(run.sees(">>>"))
            #expect(run.display.text.contains("and on and on"))
            leave(run)
        }
    }

    @Test(arguments: [(SIGTERM, Int32(143)), (SIGHUP, Int32(129))])
    func `a signal at the prompt restores the terminal`(signal: Int32, code: Int32) throws {
        try withChat { run, _ in
            run.type("typed")
            #expect(run.sees(">>> typed"))
            #expect(!run.isCooked)
            run.send(signal)
            #expect(run.end() == code)
            #expect(run.isCooked)
            let marks = "\u{1B}[?2004l"
            #expect(String(decoding: run.screen, as: UTF8.self).contains(marks))
        }
    }

    @Test func `Ctrl-Z gives the terminal back, and fg continues the line`() throws {
        try `Generating and chatting`.withModel { directory in
            let model = FilePath.join(directory, "m.arpa")
            let command = "'\(CommandRun.executable ?? "")' chat '\(model)' --no-history"
            let run = try TerminalRun(
                ["-c", "set -m; \(command); stty -a; echo stopped; read line; fg; echo over"],
                program: "/bin/sh")
            #expect(run.sees(">>>"))
            run.type("Count\u{1A}")
            #expect(run.shows("stopped\r\n"))
            #expect(run.isCooked)
            let modes = String(decoding: run.screen, as: UTF8.self)
            #expect(
                modes.contains("icanon") && !modes.contains("-icanon") && !modes.contains("-isig"))
            run.type("\r")
            #expect(run.sees(">>> Count"))
            #expect(!run.isCooked)
            run.type("\u{15}\u{4}")
            #expect(run.shows("over\r\n"))
            _ = run.end()
        }
    }

    @Test func `a window that gets another size shows the line anew`() throws {
        try withChat(columns: 40) { run, _ in
            run.type("one two three four five six seven eight nine")
            #expect(run.sees(">>> one two three four five six seven ei", "ght nine"))
            run.resize(columns: 20, rows: 24)
            run.type("!")
            #expect(
                run.sees(">>> one two three fo", "ur five six seven ei", "ght nine!"))
            #expect(run.display.lines.filter { $0.hasPrefix(">>>") }.count == 1)
            run.resize(columns: 60, rows: 24)
            run.type("?")
            #expect(run.sees(">>> one two three four five six seven eight nine!?"))
            #expect(run.display.lines.filter { $0.hasPrefix(">>>") }.count == 1)
            run.type("\u{15}")
            leave(run)
        }
    }

    @Test func `a dumb terminal has plain lines`() throws {
        try withChat(environment: ["TERM": "dumb"]) { run, _ in
            run.type("\"\"\"Paints!\n\"\"\"\n")
            #expect(run.sees { $0.text.contains("Colour") })
            #expect(run.sees(">>>"))
            #expect(!run.screen.contains(0x1B) && run.isCooked)
            leave(run)
        }
    }
}
