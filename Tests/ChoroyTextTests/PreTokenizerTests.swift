import ChoroyText
import Testing

@Suite struct `Pre-tokenizer` {
    private func pieces(_ text: String, _ pattern: PreTokenizer.Pattern) -> [String] {
        let bytes = Array(text.utf8)
        return PreTokenizer(pattern).pieces(of: bytes).map {
            String(decoding: bytes[$0], as: UTF8.self)
        }
    }

    @Test(arguments: [
        (
            "I've 1234 boats!\n\n  Really",
            ["I", "'ve", " ", "123", "4", " boats", "!\n\n", " ", " Really"]
        ),
        ("don'T DON'T", ["don", "'T", " DON", "'T"]), ("(a) \n \n b", ["(a", ")", " \n \n", " b"]),
        ("x'ſy", ["x", "'ſ", "y"]), ("\u{3000}é ", ["\u{3000}é", " "]), ("\r\na", ["\r\n", "a"]),
    ])
    func `llama-bpe cuts as Llama 3 does`(_ text: String, _ expected: [String]) {
        #expect(pieces(text, .llamaBPE).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test(arguments: [
        ("I've 1234 boats!\n\n  Really", ["I", "'ve", " 1234", " boats", "!", "\n\n ", " Really"]),
        ("don'T DON'T", ["don", "'", "T", " DON", "'", "T"]), ("a  ", ["a", "  "]),
    ])
    func `gpt-2 cuts as GPT-2 does`(_ text: String, _ expected: [String]) {
        #expect(pieces(text, .gpt2) == expected)
    }

    @Test(arguments: [
        ("I've DON'T-stop", ["I've", " DON'T", "-stop"]),
        ("HELLOWorld helloWorld", ["HELLOWorld", " hello", "World"]),
        ("don't've", ["don't", "'ve"]), ("a;\n//b", ["a", ";\n//", "b"]),
        ("'sx 1234", ["'sx", " ", "123", "4"]),
        // A letter without case ends a word of capitals, which may not end with one of its own.
        ("中A", ["中", "A"]), ("A中BC", ["A中", "BC"]), ("A中Bc", ["A中Bc"]),
        ("\u{301}AB", ["\u{301}", "AB"]),
        ("!\u{301}a", ["!\u{301}a"]), ("\u{301}'s", ["\u{301}'s"]), (" ABC", [" ABC"]),
        ("\nA", ["\n", "A"]),
    ])
    func `o200k cuts as GPT-4o does`(_ text: String, _ expected: [String]) {
        #expect(pieces(text, .o200k).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test func `cl100k keeps white space at the end of a text together`() {
        #expect(pieces("a\n  \n ", .cl100k) == ["a", "\n  \n "])
        #expect(pieces("a\n  \n ", .llamaBPE) == ["a", "\n  \n", " "])
        #expect(pieces("a\n  \n b", .cl100k) == pieces("a\n  \n b", .llamaBPE))
    }

    @Test func `smollm and qwen2 cut every digit out`() {
        #expect(pieces("a 12  3", .smollm) == ["a", " ", "1", "2", "  ", "3"])
        #expect(pieces("a 12  3", .qwen2) == ["a", " ", "1", "2", " ", " ", "3"])
    }

    @Test func `an invalid byte is punctuation`() {
        let bytes: [UInt8] = [0x61, 0xFF, 0xC3, 0x20, 0xED, 0xA0, 0x80, 0x62]
        #expect(PreTokenizer(.gpt2).pieces(of: bytes) == [0..<1, 1..<3, 3..<7, 7..<8])
    }

    /// Hugging Face tokenizers 0.23.3 (Unicode 16) calls these letters or numbers; they were
    /// assigned in 15.1 and 16.0, so for us, pinned to 15.0, they are neither. No other scalar
    /// differs (`\p{L}`, `\p{N}` and `\s` were asked for each).
    @Test(
        arguments: [
            0x1C89...0x1C8A, 0xA7CB...0xA7CD, 0xA7DA...0xA7DC, 0x105C0...0x105F3, 0x10D40...0x10D65,
            0x10D6F...0x10D85, 0x10EC2...0x10EC4, 0x11380...0x11389, 0x1138B...0x1138B,
            0x1138E...0x1138E, 0x11390...0x113B5, 0x113B7...0x113B7, 0x113D1...0x113D1,
            0x113D3...0x113D3, 0x116D0...0x116E3, 0x11BC0...0x11BE0, 0x11BF0...0x11BF9,
            0x13460...0x143FA, 0x16100...0x1611D, 0x16130...0x16139, 0x16D40...0x16D6C,
            0x16D70...0x16D79, 0x18CFF...0x18CFF, 0x1CCF0...0x1CCF9, 0x1E5D0...0x1E5ED,
            0x1E5F0...0x1E5FA, 0x2EBF0...0x2EE5D,
        ] as [ClosedRange<UInt32>])
    func `scalars newer than Unicode 15 are neither letter nor number`(
        _ range: ClosedRange<UInt32>
    ) {
        for scalar in range.compactMap(Unicode.Scalar.init) {
            // A letter would join the a, and a number would leave the dots.
            #expect(pieces("a\(scalar)..", .gpt2).count == 2)
        }
    }

    /// tiktoken 0.14 (Unicode 16) differs from us in the scalars above and, for o200k, in these, which are
    /// marks since 15.1 and 16.0; in no other (Tests/Peers/tokenizer_ids.py scalars).
    @Test(
        arguments: [
            0x897...0x897, 0x10D69...0x10D6D, 0x10EFC...0x10EFC, 0x113B8...0x113C0,
            0x113C2...0x113C2,
            0x113C5...0x113C5, 0x113C7...0x113CA, 0x113CC...0x113D0, 0x113D2...0x113D2,
            0x113E1...0x113E2,
            0x11F5A...0x11F5A, 0x1611E...0x1612F, 0x1E5EE...0x1E5EF,
        ] as [ClosedRange<UInt32>])
    func `scalars newer than Unicode 15 are no marks`(_ range: ClosedRange<UInt32>) {
        for scalar in range.compactMap(Unicode.Scalar.init) {
            // A mark would be of the word.
            #expect(pieces("a\(scalar)b", .o200k).count == 2)
        }
    }
}
