import ChoroyModel
import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Text index` {
    @Test func `counts and followers are those of the text`() throws {
        var random = SeededRandom(seed: 3)
        let files = (0..<3).map { _ in
            TextIndexFixture.noise(300, letters: "abc\n", &random)
        }
        for unit in [NGramVocabulary.Unit.byte, .character, .word] {
            try TextIndexFixture.with(files, unit: unit) { fixture in
                let index = fixture.index
                #expect(index.count == fixture.text.tokens.count)
                try index.verify()
                for _ in 0..<300 {
                    let length = Int.random(in: 1...6, using: &random)
                    let row = index.vocabulary.encode(
                        TextIndexFixture.noise(length, letters: "abcd\n", &random))
                    guard !row.isEmpty else { continue }
                    let count = fixture.count(of: row)
                    #expect(index.count(of: row) == count, "\(row)")
                    let ids = 0..<TokenID(index.vocabulary.vocabularySize)
                    let followers = ids.map { ($0, fixture.count(of: row + [$0])) }
                    let found = index.followers(of: row)
                    #expect(
                        found.map(\.token) == followers.filter { $0.1 > 0 }.map(\.0)
                            && found.map(\.count) == followers.filter { $0.1 > 0 }.map(\.1))
                    if unit != .byte { break }
                }
            }
        }
    }

    @Test func `a passage is found with its files and lines`() throws {
        let files = [
            "one\ntwo three\n\nfour\n<|endoftext|>\nfive\nsix", "zero\ntwo three\nsix\n",
        ]
        try TextIndexFixture.with(files) { fixture in
            let index = fixture.index
            func places(_ text: String) throws -> [String] {
                let tokens = index.vocabulary.encode(text)
                let spans = index.verbatimSpans(in: tokens)
                let span = try #require(spans.count == 1 ? spans.first : nil)
                let (count, places) = try index.occurrences(of: span, in: tokens, limit: 9)
                #expect(count == places.count)
                return places.map {
                    "\($0.lowerBound.file):\($0.lowerBound.line)-\($0.upperBound.line)"
                }
            }
            let cases = [
                ("two three", ["0:2-2", "1:2-2"]), ("three\n\nfo", ["0:2-4"]),
                ("six", ["0:7-7", "1:3-3"]), ("five", ["0:6-6"]), ("zero\ntwo", ["1:1-2"]),
            ]
            for (text, expected) in cases {
                let found = try places(text)
                #expect(found == expected)
            }
        }
    }

    @Test func `JSON lines are found by their lines`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "t.jsonl")
            let lines = "{\"text\":\"a\\nb\"}\n\n{\"text\":\"\"}\n{\"text\":\"c\\nd\"}\n"
            try AtomicFile.write(Array(lines.utf8), to: path)
            let text = try IndexedText(at: [path], unit: .byte, tokenizer: nil)
            try TextIndexWriter.write(text, to: path + ".index")
            let index = try TextIndex(path: path + ".index")
            let tokens = index.vocabulary.encode("d")
            let spans = index.verbatimSpans(in: tokens)
            let found = try index.occurrences(of: spans[0], in: tokens, limit: 1)
            #expect(found.places.map(\.lowerBound.line) == [4])
            #expect(index.files == [path])
        }
    }

    /// Spans by trying all parts of the text.
    private func naiveSpans(_ text: [TokenID], _ fixture: TextIndexFixture) -> [Range<Int>] {
        var spans: [Range<Int>] = []
        for start in text.indices {
            var end = start
            while end < text.count, fixture.count(of: Array(text[start...end])) > 0 { end += 1 }
            if end > start, end > spans.last?.upperBound ?? 0 { spans.append(start..<end) }
        }
        return spans
    }

    @Test func `spans are the longest there are`() throws {
        var random = SeededRandom(seed: 4)
        for letters in ["ab", "abcd", "a"] {
            let files = (0..<2).map { _ in
                TextIndexFixture.noise(150, letters: letters, &random)
            }
            try TextIndexFixture.with(files) { fixture in
                for _ in 0..<20 {
                    let text = fixture.index.vocabulary.encode(
                        TextIndexFixture.noise(60, letters: letters + "e", &random))
                    let spans = fixture.index.verbatimSpans(in: text)
                    #expect(spans.map(\.tokens) == naiveSpans(text, fixture))
                    let long = fixture.index.verbatimSpans(in: text, minimum: 4)
                    #expect(long == spans.filter { $0.tokens.count >= 4 })
                }
            }
        }
    }

    @Test func `a long text is traced the same in parts`() throws {
        var random = SeededRandom(seed: 5)
        let file = TextIndexFixture.noise(20_000, letters: "abcdefgh ", &random)
        try TextIndexFixture.with([file]) { fixture in
            // Itself, with letters that are nowhere now and then: the parts between them.
            var text = fixture.index.vocabulary.encode(file)
            for place in stride(from: 1000, to: text.count, by: 3000) { text[place] = 0 }
            let spans = fixture.index.verbatimSpans(in: text, minimum: 500)
            #expect(
                spans.map(\.tokens)
                    == [0..<1000]
                    + stride(from: 1001, to: 19_000, by: 3000).map {
                        $0..<min($0 + 2999, text.count)
                    } + [19_001..<20_000])
        }
    }

    @Test func `an unknown word occurs nowhere, though a word is spelled like its mark`() throws {
        try TextIndexFixture.with(["a <unk> b a c\n"], unit: .word) { fixture in
            let tokens = fixture.index.vocabulary.encode("zz a yy b")
            let spans = fixture.index.verbatimSpans(in: tokens)
            #expect(spans.map(\.tokens) == [1..<2, 3..<4])
        }
    }

    @Test func `the tokenizer comes with the index`() throws {
        let tokenizer = Tokenizer()
        let text = "to be or not to be\nthat is\n"
        try TextIndexFixture.with([text], unit: .token, tokenizer: tokenizer) { fixture in
            let index = fixture.index
            #expect(index.tokenizerHash == tokenizer.hash)
            #expect(index.vocabulary.encode("not to be") == tokenizer.encode("not to be"))
            #expect(index.count(of: tokenizer.encode("to be")) == 2)
            try index.verify()
        }
    }

    @Test func `a vocabulary of 65,535 and more tokens has wide tokens`() throws {
        let words = (0..<66_000).map { "w\($0)" }.joined(separator: " ")
        try TextIndexFixture.with([words + " w65999 w7"], unit: .word) { fixture in
            let row = fixture.index.vocabulary.encode("w65999 w7")
            #expect(fixture.index.count(of: row) == 1)
            #expect(fixture.index.count(of: [row[0]]) == 2)
        }
    }

    @Test func `text that is none is said`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "empty.txt")
            try AtomicFile.write([], to: path)
            #expect(throws: FileError.self) {
                try IndexedText(at: [path], unit: .byte, tokenizer: nil)
            }
        }
    }
}
