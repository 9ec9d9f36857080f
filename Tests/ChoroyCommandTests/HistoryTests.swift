import ChoroySystem
import TestSupport
import Testing
import choroy

@Suite struct `The history of the prompt` {
    private func withHistory(_ body: (PrivateDirectory, String) throws -> Void) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let home = try PrivateDirectory(at: FilePath.join(directory, "deep/home"))
            try body(home, FilePath.join(home.path, "history"))
        }
    }

    @Test func `comes back in another run`() throws {
        try withHistory { home, _ in
            let entries = ["one", "two\nlines\\n", "안녕 🦜", "back\\slash\\"]
            var history = try History(in: home)
            for entry in entries { try history.add(entry) }
            #expect(history.entries == entries)
            #expect(try History(in: home).entries == entries)
        }
    }

    @Test(arguments: [
        ("hello", true), (" hidden", false), ("", false), ("\tx", false), ("/help", true),
        ("/set temperature 0.5", true), ("/tokens on", true), ("/set api_key abc", false),
        ("/set password=x", false), ("/SECRET x", false), ("my password is short", true),
    ])
    func `leaves out what is hidden or secret`(entry: String, kept: Bool) {
        #expect(History.keeps(entry) == kept)
    }

    @Test func `repeats nothing and has no blanks at the end`() throws {
        var history = History()
        for entry in ["a", "a ", "b", "a"] { try history.add(entry) }
        #expect(history.entries == ["a", "b", "a"])
    }

    @Test func `has a thousand entries at most, the newest`() throws {
        try withHistory { home, path in
            var history = try History(in: home)
            let earlier = (0..<1500).map { "entry \($0)\n" }.joined()
            try AtomicFile.write(Array(earlier.utf8), to: path)
            for index in 1500..<1505 { try history.add("entry \(index)") }
            let found = try History(in: home).entries
            #expect(found.count == 1000 && found.first == "entry 505" && found.last == "entry 1504")
            let lines = try FileBytes.read(path).count { $0 == UInt8(ascii: "\n") }
            #expect(lines == 1000)
        }
    }

    @Test func `two chats at once lose nothing`() throws {
        try withHistory { home, _ in
            var (first, second) = (try History(in: home), try History(in: home))
            for index in 0..<20 {
                try first.add("first \(index)")
                try second.add("second \(index)")
            }
            let found = try History(in: home).entries
            #expect(found.count == 40 && Set(found).count == 40)
            #expect(first.entries.count == 20)
        }
    }

    @Test func `shows what a file holds, whoever wrote it`() throws {
        try withHistory { home, path in
            let bytes = Array("\u{1B}]0;t\u{7}\\n\u{9B}2J\rx\n\n\\q\\".utf8) + [0xFF, 0x0A]
            try AtomicFile.write(bytes, to: path)
            #expect(
                try History(in: home).entries == [
                    "\\x1b]0;t\\x07\n\\u{9b}2J\\x0dx", "q\u{FFFD}",
                ])
        }
    }

    @Test func `an entry is one line of the file`() {
        for entry in ["a\nb", "\\n", "\u{1B}[2J\r\n", "\\", "\u{2028}"] {
            let line = History.escaped(entry)
            #expect(!line.unicodeScalars.contains("\n") && !line.unicodeScalars.contains("\r"))
            #expect(History.unescaped(Substring(line)) == TerminalText.visible(entry))
        }
    }

    @Test func `is refused behind a symbolic link`() throws {
        try withHistory { home, path in
            let result = try CommandRun.shell("ln -s /dev/null '\(path)'", in: home.path)
            #expect(result.code == 0)
            #expect(throws: FileError.self) { try History(in: home) }
            let link = try CommandRun.shell("ln -s '\(home.path)' link", in: home.path)
            #expect(link.code == 0)
            #expect(throws: FileError.self) {
                try PrivateDirectory(at: FilePath.join(home.path, "link"))
            }
            #expect(throws: FileError.self) { try PrivateDirectory(at: path) }
            #expect(throws: FileError.self) { try PrivateDirectory(at: "/dev/null/x") }
        }
    }
}
