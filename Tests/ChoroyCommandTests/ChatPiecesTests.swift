import ChoroyGeneration
import ChoroySystem
import ChoroyText
import Testing
import choroy

@Suite struct `Pieces of a chat` {
    @Test(arguments: [
        ("/hlep", "/help"), ("/regne", "/regen"), ("/reg", "/regen"), ("/exprot", "/export"),
        ("/zzzzz", nil), ("/by", "/bye"), ("/Tokens", "/tokens"),
    ])
    func `the command that was probably meant is suggested`(word: String, wanted: String?) {
        #expect(Suggestion.nearest(to: word, among: ChatCommand.words) == wanted)
    }

    @Test(arguments: [("", "", 0), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abc", "", 3)])
    func `distances count insertions, deletions, changes and swaps`(
        a: String, b: String, wanted: Int
    ) {
        #expect(Suggestion.distance(a, b) == wanted && Suggestion.distance(b, a) == wanted)
    }

    @Test(arguments: [
        ("/he", ["/help"]), ("/e", ["/edit", "/export", "/exit"]), ("/set to", ["top-k", "top-p"]),
        ("/set verbose o", ["on", "off"]), ("/set temperature ", []), ("/load t", ["talk", "tea"]),
        ("/branch s", ["side", "switch"]), ("/branch switch ", ["main", "side"]),
        ("/adapter ", ["pirate", "off"]), ("/export ", ["json", "md"]), ("help", []),
        ("/nonsense x", []),
    ])
    func `Tab offers what fits`(text: String, wanted: [String]) {
        var completion = ChatCompletion()
        completion.sessions = ["other", "talk", "tea"]
        completion.branches = ["main", "side"]
        completion.adapters = ["pirate"]
        #expect(completion.words(text, text.count) == wanted)
    }

    @Test func `settings are checked, and a refused one changes nothing`() throws {
        var settings = ChatSettings(sampling: SamplingParameters(), maxTokens: 512)
        for (name, value) in [
            (ChatSetting.temperature, "0.5"), (.topK, "7"), (.topP, "0.5"), (.minP, "0.25"),
            (.repeatPenalty, "1.5"), (.repeatWindow, "3"), (.seed, "9"), (.maxTokens, "20"),
            (.system, "Be kind."), (.verbose, "on"), (.wordwrap, "off"), (.probabilities, "on"),
        ] {
            try settings.set(name, to: value)
            #expect(settings.text(of: name) == value)
        }
        let before = settings
        for (name, value) in [
            (ChatSetting.temperature, "nan"), (.temperature, "-1"), (.topK, "x"), (.topK, "-1"),
            (.topP, "0"), (.topP, "1e400"), (.seed, "-1"), (.maxTokens, "0"), (.verbose, "maybe"),
        ] {
            #expect(throws: ChatSettings.Refusal.self) { try settings.set(name, to: value) }
        }
        #expect(settings == before)
        try settings.set(.system, to: "off")
        #expect(settings.system == nil)
    }

    @Test(arguments: ["", "plain", "\"\\\n\u{1B}[31m\u{2028}🦜", "# heading\n\n## User\n"])
    func `an export as JSON comes back as it was`(text: String) throws {
        let messages = [
            Message(role: .user, content: text), Message(role: .assistant, content: text + "!"),
        ]
        for system in [nil, text] {
            let line = ChatExport.json(messages, system: system)
            #expect(line.filter { $0 == "\n" }.count == 1 && line.hasSuffix("\n"))
            let value = try JSONReader.parse(Array(line.utf8), path: "export")
            let read = try #require(value["messages"]?.array).map { item in
                Message(
                    role: try #require(Message.Role(rawValue: item["role"]?.string ?? "")),
                    content: try #require(item["content"]?.string))
            }
            #expect(read == (system.map { [Message(role: .system, content: $0)] } ?? []) + messages)
        }
    }

    @Test func `an export as Markdown has a heading for each message`() {
        let text = ChatExport.markdown(
            [
                Message(role: .user, content: "Hi\n\nthere"),
                Message(role: .assistant, content: "*Yes*"),
            ],
            system: "S", title: "talk")
        #expect(
            text == "# talk\n\n## System\n\nS\n\n## User\n\nHi\n\nthere\n\n## Assistant\n\n*Yes*\n")
    }

    private static func token(_ bytes: [UInt8], _ probability: Double) -> GeneratedToken {
        GeneratedToken(id: 1, bytes: bytes, score: TokenScore(probability: probability))
    }

    @Test func `colours follow tokens through characters that several tokens write`() {
        var runs = ProbabilityRuns(dropsLeadingSpace: true)
        let parrot = Array("🦜".utf8)
        for (bytes, probability) in [
            (Array(" \n".utf8), 0.1), (Array(" Hi".utf8), 0.2), (Array(parrot[..<2]), 0.3),
            (Array(parrot[2...]) + [0x21], 0.4),
        ] { runs.append(Self.token(bytes, probability)) }
        var parts: [(bytes: [UInt8], probability: Double)] = []
        for piece in [Array("H".utf8), Array("i".utf8), parrot + [0x21]] {
            parts += runs.take(piece)
        }
        #expect(parts.map(\.probability) == [0.2, 0.2, 0.4])
        #expect(parts.map { String(decoding: $0.bytes, as: UTF8.self) } == ["H", "i", "🦜!"])
    }

    @Test func `what the model nearly said is listed, what it said is marked`() {
        let bytes = [1: Array("a".utf8), 2: Array("\u{1B}b".utf8), 3: Array("c".utf8)]
        let token = GeneratedToken(
            id: 3, bytes: [99],
            score: TokenScore(
                probability: 0.01,
                alternatives: [
                    Sampler.Candidate(token: 1, probability: 0.75),
                    Sampler.Candidate(token: 2, probability: 0.2),
                ]))
        let lines = ProbabilityView.alternatives(to: token, StyleWriter(isOn: false)) {
            bytes[Int($0)] ?? []
        }
        #expect(lines == ["    75.0 %  \"a\"", "    20.0 %  \"\\u001bb\"", ">    1.0 %  \"c\""])
        let plain = ProbabilityView.list([token, token], columns: 8, StyleWriter(isOn: false))
        #expect(plain == ["1:\"c\"", "2:\"c\""])
        #expect(ProbabilityView.tableLine(token) == "0.010000 \"c\"")
    }
}
