import ChoroySystem
import ChoroyText
import TestSupport
import Testing

/// Text that is meant to be slow, or to be taken for something else.
@Suite struct `Hostile text` {
    static let texts: [(name: String, bytes: [UInt8])] = {
        func times(_ text: String, _ count: Int) -> [UInt8] {
            Array(String(repeating: text, count: count).utf8)
        }
        var random = SeededRandom(seed: 24)
        let million = 1_000_000
        let letters = (0..<million).map { _ in UInt8(0x61 + random.below(26)) }
        var texts: [(String, [UInt8])] = [
            ("random letters", letters), ("small and great", times("aA", million / 2)),
            ("digits", (0..<million).map { _ in UInt8(0x30 + random.below(10)) }),
            ("spaces and a letter", times(" ", million) + [0x61]),
            ("lines", times("\n", million)), ("lines of Windows", times("\r\n", million / 2)),
            ("a letter and accents", [0x65] + times("\u{301}", million)),
            ("joined emoji", times("\u{1F469}\u{200D}\u{1F467}\u{200D}", 100_000)),
            ("right to left", times("\u{202E}\u{5E9}\u{5DC}\u{202C} abc \u{2067}\u{627}", 50_000)),
            ("replacement characters", times("\u{FFFD}", 300_000)), ("zeros", times("\0", million)),
            ("continuations", [UInt8](repeating: 0x80, count: million)),
            ("every byte above 0x7F", (0..<million).map { UInt8(0x80 + $0 % 128) }),
            ("overlong", [UInt8]((0..<million).map { $0 % 2 == 0 ? 0xC0 : 0x80 })),
            ("surrogates", [UInt8]((0..<million).map { [0xED, 0xA0, 0x80][$0 % 3] })),
            ("beyond Unicode", [UInt8]((0..<million).map { [0xF5, 0x80, 0x80, 0x80][$0 % 4] })),
            ("nested special tokens", times("<|<|endoftext|>|>", 50_000)),
            ("nearly special tokens", times("<|endoftext|", 80_000)),
            ("apostrophes", times("'", million)), ("contractions", times("'s't're'LL", 90_000)),
        ]
        for unit in ["^", "0", "a", "'s", " ", "\n"] {
            texts.append(("\(unit.debugDescription) and a space", times(unit, 500_000) + [0x20]))
            texts.append(("\(unit.debugDescription) and a line", times(unit, 500_000) + [0x0A]))
            texts.append(("\(unit.debugDescription) in words", times("\(unit) ", 200_000)))
        }
        for tail in [[0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98]] as [[UInt8]] {
            texts.append(("cut after \(tail)", Array("word ".utf8) + tail))
            texts.append(("\(tail) before a word", tail + Array(" word".utf8)))
        }
        return texts
    }()

    /// A minute is far more than it takes, and far less than quadratic time would.
    @Test(arguments: PreTokenizer.Pattern.allCases)
    func `comes back, in time`(_ pattern: PreTokenizer.Pattern) throws {
        let tokenizer = try #require(
            `Encoding and decoding`.tokenizers.first { $0.pattern == pattern })
        let start = Machine.now()
        for (name, bytes) in Self.texts {
            #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes, "\(name)")
        }
        #expect(Machine.now() - start < 60)
    }

    @Test func `special tokens are found where they are whole`() throws {
        let tokenizer = Tokenizer()
        let end = try #require(tokenizer.id(ofSpecial: "<|endoftext|>"))
        func ids(_ text: String) -> [TokenID] {
            tokenizer.encode(Array(text.utf8), parsingSpecialTokens: true)
        }
        #expect(ids("<|<|endoftext|>|>") == [60, 124, end, 124, 62])
        #expect(ids("<|endoftext<|endoftext|>").last == end)
        #expect(!ids("<|endo").contains(end) && !ids("ftext|>").contains(end))
        for special in tokenizer.specialTokens {
            #expect(tokenizer.encode(special.content) == special.content.utf8.map { TokenID($0) })
            #expect(ids("\(special.content)\(special.content)") == [special.id, special.id])
        }
    }

    /// Thousands of added tokens that begin alike, and text that is their beginning again and again.
    @Test func `many added tokens that begin alike are found in time`() throws {
        let tokenizer = try Fixtures.withTemporaryDirectory { directory in
            try Tokenizer().save(to: directory)
            let path = FilePath.join(directory, "tokenizer.json")
            let file = String(decoding: try FileBytes.read(path), as: UTF8.self)
            let added = (0..<20_000).map {
                #"{"id":\#(264 + $0),"content":"<unused\#($0)>","special":false,"normalized":false}"#
            }
            let more = "\"added_tokens\": [\(added.joined(separator: ",")),"
            try AtomicFile.write(
                Array(file.replacing("\"added_tokens\": [", with: more).utf8), to: path)
            return try Tokenizer(contentsOf: path)
        }
        #expect(tokenizer.encode("a<unused7><unused77><unused>").prefix(3) == [97, 271, 341])
        let text = Array(String(repeating: "<unused", count: 150_000).utf8)
        let start = Machine.now()
        #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        #expect(Machine.now() - start < 30)
    }
}
