import ChoroySystem
import ChoroyText
import Testing

@Suite struct `Encoding and decoding` {
    static let tokenizers: [Tokenizer] = PreTokenizer.Pattern.allCases.compactMap { pattern in
        try? BPETrainer(vocabularySize: 420, pattern: pattern).train(Array(smallText.utf8))
    }

    @Test(arguments: PreTokenizer.Pattern.allCases)
    func `decoding inverts encoding for any bytes`(_ pattern: PreTokenizer.Pattern) throws {
        let tokenizer = try #require(Self.tokenizers.first { $0.pattern == pattern })
        var random = SeededRandom(seed: 11)
        for length in 0..<300 {
            let bytes = random.bytes(length)
            #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
        }
    }

    @Test(arguments: [0, 1, 4095, 4096, 20_000])
    func `many ids decode as one by one, long tokens and ids that are none among them`(
        _ count: Int
    ) throws {
        let alphabet = "abcdefghijklmnopqrstuvwxyz"
        let text = (0..<40).map { " \(alphabet.prefix(13 + $0 % 8))" }.joined()
        let tokenizer = try BPETrainer(vocabularySize: 320).train(Array(text.utf8))
        let size = tokenizer.vocabularySize
        let lengths = Set((0..<size).map { tokenizer.bytes(of: TokenID($0)).count })
        #expect(lengths.isSuperset(of: [1, 14, 15, 16, 17, 20]))
        var random = SeededRandom(seed: 13)
        var ids = (0..<count).map { _ in TokenID(random.below(size + 4) - 2) }
        if count > 2 { ids.replaceSubrange(1..<3, with: [.max, .min]) }
        let expected = ids.flatMap { tokenizer.bytes(of: $0) }
        #expect(tokenizer.decode(ids) == expected)
        #expect(tokenizer.decode(AnySequence(ids)) == expected)
    }

    @Test(arguments: PreTokenizer.Pattern.allCases)
    func `pieces join to the text`(_ pattern: PreTokenizer.Pattern) {
        var random = SeededRandom(seed: 5)
        for length in 0..<400 {
            let bytes = random.bytes(length)
            let pieces = PreTokenizer(pattern).pieces(of: bytes)
            #expect(pieces.allSatisfy { !$0.isEmpty })
            #expect(pieces.flatMap { bytes[$0] } == bytes)
        }
    }

    /// Pieces of few and of many ids, of a byte to more than the cache takes, the first time and later.
    @Test(arguments: PreTokenizer.Pattern.allCases)
    func `a piece that came before has the same ids`(_ pattern: PreTokenizer.Pattern) throws {
        let tokenizer = try #require(Self.tokenizers.first { $0.pattern == pattern })
        var random = SeededRandom(seed: 12)
        let words = (0..<2000).map { _ in
            let letters = Array("abcdefghij".utf8).prefix(1 + random.below(10))
            return (0..<1 + random.below(random.below(9) == 0 ? 300 : 40)).map { _ in
                letters[random.below(letters.count)]
            }
        }
        let alone = words.map { tokenizer.withEmptyCache().encode($0) }
        let used = tokenizer.withEmptyCache()
        for _ in 0..<3 {
            for (word, ids) in zip(words, alone) { #expect(used.encode(word) == ids) }
        }
        let text = Array(words.joined(separator: [10]))
        let ids = Array(alone.joined(separator: tokenizer.encode([10])))
        #expect(used.encode(text) == ids)
        #expect(tokenizer.withEmptyCache().encode(text + text) == tokenizer.encode(text + text))
    }

    @Test func `every scalar comes back`() throws {
        let tokenizer = try #require(Self.tokenizers.first)
        var text = String.UnicodeScalarView()
        for value in UInt32(0)...0x10FFFF {
            if let scalar = Unicode.Scalar(value) { text.append(scalar) }
        }
        let bytes = Array(String(text).utf8)
        #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
    }

    @Test func `text that spells a special token stays text`() throws {
        let tokenizer = try #require(Self.tokenizers.first)
        let text = "a<|im_end|><|endoftext|>b<|reserved_4|>"
        let specials = Set(tokenizer.specialTokens.map(\.id))
        let plain = tokenizer.encode(text)
        #expect(specials.isDisjoint(with: plain))
        #expect(tokenizer.decode(plain) == Array(text.utf8))
        let parsed = tokenizer.encode(Array(text.utf8), parsingSpecialTokens: true)
        #expect(parsed.filter(specials.contains).count == 3)
        #expect(tokenizer.decode(parsed) == Array(text.utf8))
    }

    @Test func `ids outside the vocabulary stand for nothing`() {
        let tokenizer = Tokenizer()
        #expect(tokenizer.decode([-1, 72, 264, .max, .min, 105]) == Array("Hi".utf8))
        #expect(tokenizer.bytes(of: -5) == [])
        #expect(tokenizer.id(ofSpecial: "<|nothing|>") == nil)
    }

    @Test func `long pieces merge as short ones do`() throws {
        // The same letters in one piece of 600 and in pieces of 60: rules of rank decide alone.
        let tokenizer = try BPETrainer(vocabularySize: 300).train(
            Array(String(repeating: "abcabdabe", count: 30).utf8))
        let long = tokenizer.encode(String(repeating: "abcabdabe", count: 200))
        #expect(tokenizer.decode(long) == Array(String(repeating: "abcabdabe", count: 200).utf8))
        let pieces = Set(long)
        #expect(pieces.count < 8)
    }

    @Test(arguments: ["a", " ", "\n", "1", "!", "é", "'", "\u{3000}", "ab", "<|"])
    func `a mebibyte of one thing takes less than a second`(_ unit: String) throws {
        let tokenizer = try #require(Self.tokenizers.first)
        let bytes = Array(String(repeating: unit, count: (1 << 20) / unit.utf8.count).utf8)
        let start = Machine.now()
        let ids = tokenizer.encode(bytes)
        #expect(Machine.now() - start < 2, "generous: other tests run at the same time")
        #expect(tokenizer.decode(ids) == bytes)
    }

    @Test func `parts encoded apart are the whole`() throws {
        let tokenizer = try #require(Self.tokenizers.first)
        let words = smallText.split(separator: " ")
        var random = SeededRandom(seed: 2)
        var text: [UInt8] = []
        while text.count < 1_200_000 {
            text += words[random.below(words.count)].utf8
            text += ["\n\n", " ", "  ", " ", "\n"][random.below(5)].utf8
        }
        let whole = tokenizer.encode(text)
        var pieces: [TokenID] = []
        for piece in PreTokenizer(tokenizer.pattern).pieces(of: text) {
            pieces += tokenizer.encode(Array(text[piece]))
        }
        #expect(whole == pieces)
    }
}

@Suite struct `Incremental decoder` {
    @Test func `half a character is held back`() {
        var decoder = IncrementalDecoder(Tokenizer())
        #expect(decoder.append(0x41) == "A")
        #expect(decoder.append(0xF0) == "")
        #expect(decoder.append(0x9F) == "")
        #expect(decoder.append(0x98) == "")
        #expect(decoder.append(0x89) == "😉")
        #expect(decoder.append(0xE2) == "")
        #expect(decoder.finish() == "\u{FFFD}")
        #expect(decoder.finish() == "")
    }

    /// The Unicode Standard 15.0, tables 3-8 to 3-11: one U+FFFD for each maximal subpart.
    @Test(
        arguments: [
            ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xE2, 0x80, 0x41], "\u{FFFD}A"),
            ([0xC0, 0xAF, 0xE0, 0x80, 0xBF], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xF4, 0x91, 0x92, 0x93, 0xFF, 0x41], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}A"),
            (
                [0xE1, 0x80, 0xE2, 0xF0, 0x91, 0x92, 0xF1, 0xBF, 0x41],
                "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}A"
            ),
        ] as [([UInt8], String)])
    func `invalid bytes become one replacement for each maximal subpart`(
        _ bytes: [UInt8], _ text: String
    ) {
        var decoder = IncrementalDecoder(Tokenizer())
        var result = ""
        for byte in bytes { result += decoder.append(TokenID(byte)) }
        #expect(result + decoder.finish() == text)
    }

    @Test func `all pieces joined are the whole decoded at once`() {
        var random = SeededRandom(seed: 1)
        let alphabet: [UInt8] = [
            0x41, 0x80, 0xBF, 0xC2, 0xC3, 0xE0, 0xA0, 0xE2, 0xED, 0x9F, 0xF0, 0x90, 0xF4, 0x8F,
            0xFF,
        ]
        for round in 0..<3000 {
            let bytes: [UInt8] =
                round.isMultiple(of: 2)
                ? (0..<random.below(20)).map { _ in alphabet[random.below(alphabet.count)] }
                : Array("aé小😉\u{1F468}\u{200D}".utf8).shuffledPairs(&random)
            var decoder = IncrementalDecoder(Tokenizer())
            var text = ""
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + 1 + random.below(4))
                text += decoder.append(bytes: bytes[start..<end])
                start = end
            }
            text += decoder.finish()
            #expect(Array(text.utf8) == Array(String(decoding: bytes, as: UTF8.self).utf8))
        }
    }
}

extension [UInt8] {
    /// The bytes with some neighbours exchanged.
    fileprivate func shuffledPairs(_ random: inout SeededRandom) -> [UInt8] {
        var copy = self
        for _ in 0..<random.below(4) {
            let place = random.below(count - 1)
            copy.swapAt(place, place + 1)
        }
        return copy
    }
}
