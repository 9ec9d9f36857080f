import ChoroyGeneration
import ChoroySystem
import ChoroyText
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `Stored conversations` {
    static let settings = ChatHistory.Settings(model: "/models/m", system: "Be\nkind.")

    static func withStore(_ body: (SessionStore) throws -> Void) throws {
        try Fixtures.withTemporaryDirectory { directory in
            try body(
                SessionStore(
                    in: PrivateDirectory(at: FilePath.join(directory, "home/sessions"))))
        }
    }

    static func say(_ file: SessionFile, _ text: String, _ reply: String) throws {
        try file.append(file.conversation.saying(Message(role: .user, content: text)))
        try file.append(
            file.conversation.saying(Message(role: .assistant, content: reply), end: .finished))
    }

    static func mode(_ path: String) -> UInt32 {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? UInt32(status.st_mode) & 0o7777 : 0
    }

    @Test func `what is said comes back, with all its branches`() throws {
        try Self.withStore { store in
            let before: ChatHistory
            do {
                let file = try store.open("talk", settings: Self.settings)
                #expect(!file.isStored && !store.exists("talk"))
                try Self.say(file, "Hello \u{1B}[31m\u{0} 🦜\"\\", "Hi!\r\n\u{2028}")
                try file.append(.branch("other"))
                try file.append(.head(nil))
                try Self.say(file, "Again", "Yes?")
                try file.append(.branch("main"))
                try Self.say(file, "More", "No.")
                var changed = Self.settings
                changed.system = nil
                changed.adapter = "pirate"
                changed.sampling.temperature = 0.25
                changed.sampling.seed = 7
                changed.maxTokens = 9
                try file.append(.settings(changed))
                try file.append(.head(2))
                before = file.conversation
            }
            let file = try store.open("talk", settings: ChatHistory.Settings(model: "/other"))
            #expect(file.conversation == before)
            #expect(
                file.conversation.messages.map(\.content) == [
                    "Hello \u{1B}[31m\u{0} 🦜\"\\", "Hi!\r\n\u{2028}",
                ])
            #expect(file.conversation.branches.map(\.name) == ["main", "other"])
            #expect(
                file.conversation.path(to: file.conversation.branches[1].head).map(
                    \.message.content) == ["Again", "Yes?"])
            #expect(file.conversation.settings.sampling.temperature == 0.25)
        }
    }

    @Test func `bytes that are written are never changed`() throws {
        try Self.withStore { store in
            let file = try store.open("talk", settings: Self.settings)
            var before: [UInt8] = []
            for turn in 0..<20 {
                switch turn % 5 {
                case 3: try file.append(.head(turn > 5 ? turn / 3 : nil))
                case 4: try file.append(.branch("b\(turn % 2)"))
                default: try Self.say(file, "Message \(turn)", "Reply")
                }
                let now = try FileBytes.read(file.path)
                #expect(now.starts(with: before) && now.count > before.count && now.last == 10)
                before = now
            }
        }
    }

    @Test func `nobody else can read them`() throws {
        try Self.withStore { store in
            let file = try store.open("talk", settings: Self.settings)
            try Self.say(file, "Hello", "Hi")
            #expect(Self.mode(file.path) == 0o600)
            #expect(Self.mode(store.directory.path) == 0o700)
            for name in try FilePath.list(store.directory.path) {
                #expect(Self.mode(FilePath.join(store.directory.path, name)) == 0o600, "\(name)")
            }
        }
        try Self.withStore { store in
            do { try Self.say(try store.open("talk", settings: Self.settings), "a", "b") }
            let path = FilePath.join(store.directory.path, "talk.jsonl")
            _ = unsafe chmod(path, 0o666)
            _ = try store.open("talk", settings: Self.settings)
            #expect(Self.mode(path) == 0o600)
        }
    }

    @Test func `a file cut at any byte keeps all lines that were whole`() throws {
        try Self.withStore { store in
            let path: String
            do {
                let file = try store.open("talk", settings: Self.settings)
                for turn in 0..<3 { try Self.say(file, "Message \(turn) 🦜", "Reply \(turn)") }
                path = file.path
            }
            let whole = try FileBytes.read(path)
            for count in 0...whole.count {
                try AtomicFile.write(Array(whole[..<count]), to: path, mode: 0o600)
                let lines = whole[..<count].count { $0 == 10 }
                // A line that lacks only its end is whole.
                let isWhole = count == whole.count || whole[count] == 10
                do {
                    let file = try store.open("talk", settings: Self.settings)
                    #expect(
                        file.conversation.entries.count
                            == max(
                                0,
                                lines - 1
                                    + (isWhole && whole[..<count].last != 10 && lines > 0 ? 1 : 0)),
                        "\(count)")
                    try Self.say(file, "On", "And on")
                }
                let healed = try FileBytes.read(path)
                let kept = whole[..<count].lastIndex(of: 10).map { $0 + 1 } ?? 0
                #expect(healed.starts(with: whole[..<kept]), "\(count)")
                let again = try store.conversation("talk")
                #expect(again.messages.suffix(2).map(\.content) == ["On", "And on"])
            }
        }
    }

    @Test func `a last line of garbage is taken away`() throws {
        try Self.withStore { store in
            let path: String
            do {
                let file = try store.open("talk", settings: Self.settings)
                try Self.say(file, "Hello", "Hi")
                path = file.path
            }
            let whole = try FileBytes.read(path)
            for garbage: [UInt8] in [
                [0, 0, 0], [0xFF], Array("{\"event\":\"message\",\"id\":3".utf8),
            ] {
                try AtomicFile.write(whole + garbage, to: path, mode: 0o600)
                let file = try store.open("talk", settings: Self.settings)
                #expect(file.conversation.messages.count == 2)
                #expect(try FileBytes.read(path) == whole)
            }
        }
    }

    @Test(arguments: [
        (1, "nonsense", "line 1"), (1, "{}", "format"), (1, #"{"format":"x"}"#, "format"),
        (1, #"{"format":"choroy-conversation","version":2}"#, "version"),
        (1, #"{"format":"choroy-conversation","version":1,"settings":[]}"#, "an object"),
        (2, "", "line 2"), (2, "{", "line 2"), (2, "\u{0}", "line 2"), (2, "[]", "an object"),
        (2, #"{"event":"nonsense"}"#, "event"), (2, #"{"event":"head","id":9}"#, "head"),
        (2, #"{"event":"head","id":0}"#, "head"),
        (2, #"{"event":"head","id":-9223372036854775808}"#, "head"),
        (2, #"{"event":"head"}"#, "id"), (2, #"{"event":"branch","name":"a/b"}"#, "branch"),
        (2, #"{"event":"message","id":2,"parent":null,"role":"user","content":""}"#, "message 1"),
        (2, #"{"event":"message","id":1,"parent":1,"role":"user","content":""}"#, "parent"),
        (
            2,
            #"{"event":"message","id":1,"parent":9223372036854775807,"role":"user","content":""}"#,
            "parent"
        ),
        (2, #"{"event":"message","id":1,"parent":null,"role":"god","content":""}"#, "role"),
        (2, #"{"event":"message","id":1,"parent":null,"role":"user","content":1}"#, "content"),
        (
            2, #"{"event":"message","id":1,"parent":null,"role":"user","content":"","end":"x"}"#,
            "end"
        ),
        (3, #"{"event":"message","event":"message"}"#, "line 3"),
        (3, #"{"event":"settings","settings":{"model":1}}"#, "temperature"),
    ])
    func `damage is told with its line, and the file stays as it is`(
        line: Int, text: String, words: String
    ) throws {
        try Self.withStore { store in
            let path: String
            do {
                let file = try store.open("talk", settings: Self.settings)
                try Self.say(file, "Hello", "Hi")
                path = file.path
            }
            var lines = try FileBytes.read(path).split(
                separator: 10, omittingEmptySubsequences: false)
            lines[line - 1] = Array(text.utf8)[...]
            let damaged = Array(lines.joined(separator: [10]))
            try AtomicFile.write(damaged, to: path, mode: 0o600)
            do {
                _ = try store.open("talk", settings: Self.settings)
                Issue.record("opened")
            } catch let error as FileError {
                #expect(error.place?.hasPrefix("line \(line)") == true)
                #expect("\(error)".contains(words), "\(error)")
            }
            #expect(try FileBytes.read(path) == damaged)
            #expect(try store.summaries().count == 1)
        }
    }

    @Test func `a second chat in one conversation is refused`() throws {
        try Self.withStore { store in
            let file = try store.open("talk", settings: Self.settings)
            try Self.say(file, "Hello", "Hi")
            do {
                _ = try store.open("talk", settings: Self.settings)
                Issue.record("opened")
            } catch let error as FileError {
                #expect("\(error)".contains("session talk") && "\(error)".contains("\(getpid())"))
            }
            // Others are free, and it can be looked at.
            _ = try store.open("other", settings: Self.settings)
            #expect(try store.conversation("talk").messages.count == 2)
            try Self.say(file, "Still", "here")
        }
    }

    @Test(arguments: [
        "", ".", "..", "a/b", "/etc/passwd", "../x", "a.b", ".hidden", "a\nb", "a\u{0}b",
        "a\u{1B}b",
        "a\u{202E}b", "-x", " x", "x ", "a\\b", String(repeating: "x", count: 101),
    ])
    func `names that are no names are refused`(name: String) throws {
        try Self.withStore { store in
            #expect(throws: FileError.self) { try store.open(name, settings: Self.settings) }
            #expect(!store.exists(name))
            let files = try FilePath.list(store.directory.path)
            #expect(files.isEmpty)
        }
    }

    @Test(arguments: ["talk.jsonl", ".talk.lock"]) func `links are refused`(name: String) throws {
        try Self.withStore { store in
            let target = FilePath.join(FilePath.directory(of: store.directory.path), "target")
            try AtomicFile.write([], to: target)
            _ = unsafe symlink(target, FilePath.join(store.directory.path, name))
            #expect(throws: FileError.self) { try store.open("talk", settings: Self.settings) }
            #expect(try FileBytes.read(target) == [])
        }
    }

    @Test func `conversations named after the time never meet`() throws {
        try Self.withStore { store in
            let files = try (0..<5).map { _ in try store.begin(settings: Self.settings) }
            #expect(Set(files.map(\.name)).count == 5)
            for file in files { try Self.say(file, file.name, "Hi") }
            #expect(try store.names().count == 5)
            for name in try store.names() {
                #expect(try store.conversation(name).messages[0].content == name)
            }
        }
    }

    @Test func `the list has the latest first`() throws {
        try Self.withStore { store in
            for (place, name) in ["one", "two", "three"].enumerated() {
                let file = try store.open(name, settings: Self.settings)
                try Self.say(file, "I am \(name)", "Hi")
                var times = [
                    timeval(tv_sec: 1000 + place, tv_usec: 0),
                    timeval(tv_sec: 1000 + place, tv_usec: 0),
                ]
                _ = unsafe utimes(file.path, &times)
            }
            #expect(try store.latest() == "three")
            let summaries = try store.summaries().map { try $0.get() }
            #expect(summaries.map(\.name) == ["three", "two", "one"])
            #expect(summaries[0].time == 1002 && summaries[0].turns == 1)
            #expect(summaries[0].model == "/models/m" && summaries[0].firstWords == "I am three")
        }
    }
}
