import ChoroyModel
import ChoroySystem
import ChoroyText
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `ARPA files` {
    static let text = """
        the cat ▁ sat on <0x41> the mät ☃\u{a0}\u{7f}\u{0} <s> </s> <unk>
        the dog\tsat on the cät <id=3>
        """

    @Test(arguments: NGramVocabulary.Unit.allCases)
    func `a model comes back from its file`(_ unit: NGramVocabulary.Unit) throws {
        let (vocabulary, model) = `Modified Kneser-Ney`.model(Self.text, unit: unit, order: 4)
        let tokenizer = Tokenizer(bytesAnd: Tokenizer.reservedTokens)
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "m.arpa")
            try ARPAWriter.write(model, vocabulary, to: path, tokenizerHash: "abc")
            let bytes = try FileBytes.read(path)
            #expect(ARPAReader.recognizes(bytes))
            var hash: String?
            let (back, names) = try ARPAReader.read(bytes, path: path) {
                hash = $0
                return tokenizer
            }
            #expect(hash == (unit == .token ? "abc" : nil))
            #expect(names.unit == unit)
            #expect(back.counts == model.counts)
            #expect(names.endToken == vocabulary.endToken)
            let tokens = vocabulary.encode(Self.text + " dog on cat")
            #expect(names.encode(Self.text + " dog on cat") == tokens)
            // 8 decimals of log10, and at most one back-off weight for each order.
            for (a, b) in zip(model.nats(tokens), back.nats(tokens)) { #expect(abs(a - b) < 1e-7) }
            let again = FilePath.join(directory, "again.arpa")
            try ARPAWriter.write(back, names, to: again, tokenizerHash: "abc")
            #expect(try FileBytes.read(again) == bytes)
        }
    }

    @Test func `n-grams that a pruned file leaves out are backed off to`() throws {
        let (model, words) = try Self.read(
            """
            \\data\\
            ngram 1=5
            ngram 2=2
            ngram 3=1

            \\1-grams:
            -1 <unk>
            -99 <s> -0.5
            -0.7 </s>
            -0.6 a -0.2
            -0.5 b -0.3

            \\2-grams:
            -0.4 <s> a -0.1
            -0.25 b b

            \\3-grams:
            -0.125 b a b

            \\end\\
            """)
        func log10(_ token: String, _ context: String) -> Double {
            model.nats(words.encode("\n" + context + " " + token)).last.map { $0 / log(10) } ?? .nan
        }
        let expected: [(String, String, Double)] = [
            ("a", "", -0.4), ("b", "", -0.5 - 0.5), ("b", "a", -0.1 - 0.2 - 0.5),
            ("a", "b", -0.3 - 0.6), ("b", "b a", -0.125), ("a", "b a", -0.2 - 0.6),
            ("b", "a b", -0.25), ("zz", "a b", -0.3 - 1), ("b", "b zz", -0.5),
        ]
        for (token, context, value) in expected {
            #expect(abs(log10(token, context) - value) < 1e-6, "\(token) after \(context)")
        }
    }

    @Test(arguments: [
        ("", "line 1"), ("\\data\\", "line 2"), ("x\ny", "line 3"),
        ("\\data\\\nngram 2=1\n", "line 2"), ("\\data\\\nngram 0=1\n", "line 2"),
        ("\\data\\\nngram 1=99999999999999999999\n", "line 2"),
        ("\\data\\\nngram 1=-1\n", "line 2"),
        ("\\data\\\nngram 1=9999999999999\n\n\\1-grams:\n-1 a\n\n\\end\\\n", "line 7"),
        (body("-1 a\n"), "line 7"), (body("nan a\n-1 b\n"), "line 5"),
        (body("0.1 a\n-1 b\n"), "line 5"), (body("-1 a inf\n-1 b\n"), "line 5"),
        (body("-1 a 0 0\n-1 b\n"), "line 5"), (body("-1\n-1 b\n"), "line 5"),
        (body("-1 a\n-1 a\n"), "line 6"), (body("-1 a\n-1 b\n-1 c\n"), "line 7"),
        (body("-1e999 a\n-1 b\n"), "line 5"), (body("--1 a\n-1 b\n"), "line 5"),
        (body("-1 a\n-1 b\n") + "x\n", "line 9"),
    ])
    func `a malformed file is an error with its line`(_ file: String, _ place: String) {
        let error = #expect(throws: FileError.self) { try Self.read(file) }
        #expect(error?.place == place, "\(error?.description ?? "")")
    }

    @Test func `an order above 64 and an n-gram given twice are errors`() {
        let counts = (1...255).map { "ngram \($0)=0\n" }.joined()
        #expect(throws: FileError.self) { try Self.read("\\data\\\n" + counts + "\n") }
        let error = #expect(throws: FileError.self) {
            try Self.read(
                "\\data\\\nngram 1=1\nngram 2=2\n\n\\1-grams:\n-1 a\n\n\\2-grams:\n-1 a a\n-2 a a\n\n\\end\\\n"
            )
        }
        #expect(error?.found == "\"a a\" twice")
        #expect(throws: FileError.self) {
            try Self.read(
                "\\data\\\nngram 1=1\nngram 2=1\n\n\\1-grams:\n-1 a\n\n\\2-grams:\n-1 a b\n\n\\end\\\n"
            )
        }
    }

    @Test func `a cut or altered file never traps`() throws {
        let (vocabulary, model) = `Modified Kneser-Ney`.model(
            "a bé <x\n", unit: .character, order: 3)
        let file = try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "m.arpa")
            try ARPAWriter.write(model, vocabulary, to: path)
            return try FileBytes.read(path)
        }
        var random = SeededRandom(seed: 1)
        for _ in 0..<300 {
            var bytes = Array(
                file[..<(random.below(2) == 0 ? file.count : random.below(file.count))])
            for _ in 0..<random.below(4) where !bytes.isEmpty {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? ARPAReader.read(bytes, path: "test") { _ in Tokenizer(bytesAnd: []) }
        }
    }

    @Test(
        .enabled(if: Fixtures.shared("malformed/arpa") != nil, sharedDataIsAbsent),
        arguments: [("valid", true), ("no-end", false), ("count-mismatch", false)])
    func `the shared malformed files end as expected`(_ name: String, _ isValid: Bool) throws {
        guard let path = Fixtures.shared("malformed/arpa/\(name).arpa") else { return }
        let bytes = try FileBytes.read(path)
        let result = Result { try ARPAReader.read(bytes, path: path) { _ in Tokenizer() } }
        #expect(((try? result.get()) != nil) == isValid)
    }

    private static func body(_ unigrams: String) -> String {
        "\\data\\\nngram 1=2\n\n\\1-grams:\n" + unigrams + "\n\\end\\\n"
    }

    static func read(_ text: String) throws -> (NGramModel, NGramVocabulary) {
        try ARPAReader.read(Array(text.utf8), path: "test") { _ in Tokenizer() }
    }
}
