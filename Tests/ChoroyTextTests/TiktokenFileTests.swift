import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Tiktoken file` {
    /// The 256 bytes in the order of their values, then `more`.
    private func lines(_ more: [String]) -> String {
        let bytes = (0..<256).map { String(decoding: Base64.text(of: [UInt8($0)]), as: UTF8.self) }
        return (bytes + more).enumerated().map { "\($1) \($0)\n" }.joined()
    }

    private func base64(_ text: String) -> String {
        String(decoding: Base64.text(of: Array(text.utf8)), as: UTF8.self)
    }

    private func reading(_ text: String, pattern: PreTokenizer.Pattern? = .gpt2) throws -> Tokenizer
    {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "t.tiktoken")
            try AtomicFile.write(Array(text.utf8), to: path)
            return try Tokenizer(contentsOf: path, pattern: pattern)
        }
    }

    @Test func `the pair whose bytes are the lowest rank is merged first`() throws {
        // "abc": "bc" (256) before "ab" (257); "abcd" is a token as a whole though no merges lead there.
        let tokenizer = try reading(lines(["bc", "ab", "abcd"].map(base64)))
        #expect(tokenizer.encode("abc") == [97, 256])
        #expect(tokenizer.encode("abb") == [257, 98])
        #expect(tokenizer.encode("abcd") == [258])
        #expect(tokenizer.encode("abcde") == [97, 256, 100, 101])
    }

    @Test func `long pieces are merged as short ones are`() throws {
        let tokenizer = try reading(lines(["aa", "aaaa", "ba", "ab", "aab"].map(base64)))
        for unit in ["a", "aab", "abab", "baaaab"] {
            // A heap takes over at 96 bytes; a piece is encoded in its company, so units are compared.
            // Lists of places take over at 2,048.
            for count in [90, 95, 96, 97, 200]
                + (unit == "aab" || unit == "a" ? [2047, 2048, 2301] : [])
            {
                let text = Array(String(repeating: unit, count: count).utf8.prefix(count))
                #expect(tokenizer.encode(text) == naive(text, tokenizer))
            }
        }
    }

    /// The merges one at a time, straight from their definition.
    private func naive(_ text: [UInt8], _ tokenizer: Tokenizer) -> [TokenID] {
        var ranks: [[UInt8]: TokenID] = [:]
        for id in 0..<tokenizer.vocabularySize {
            ranks[tokenizer.bytes(of: TokenID(id))] = TokenID(id)
        }
        var parts = text.map { [$0] }
        while let (place, _) = parts.indices.dropLast().compactMap({ place in
            ranks[parts[place] + parts[place + 1]].map { (place, $0) }
        }).min(by: { $0.1 < $1.1 }) {
            parts[place] += parts.remove(at: place + 1)
        }
        return parts.compactMap { ranks[$0] }
    }

    @Test func `a trained tokenizer is the same after a tiktoken file`() throws {
        let trained = try BPETrainer(vocabularySize: 400, specialTokens: []).train(
            Array(smallText.utf8))
        let file = try trained.tiktokenFile(for: "trained")
        let read = try reading(String(decoding: file, as: UTF8.self), pattern: .llamaBPE)
        #expect(read.encode(smallText) == trained.encode(smallText))
        let again = try Fixtures.withTemporaryDirectory { directory in
            try read.save(to: directory)
            return try Tokenizer(contentsOf: directory)
        }
        #expect(again.encode(smallText) == trained.encode(smallText))
        #expect(again.hash == read.hash, "what a model keeps of it is the same tokenizer")
        #expect(try Tokenizer(fileBytes: read.fileBytes, path: "").hash == read.hash)
    }

    @Test func `a vocabulary that nobody knows needs a pattern`() {
        #expect(throws: FileError.self) { try reading(lines([]), pattern: nil) }
    }

    @Test(arguments: [
        ("", "tokens"), ("IQ==\n", "a space"), ("!! 0\n", "Base64"), ("IQ= 0\n", "Base64"),
        ("IR== 0\n", "Base64"),
        (" 0\n", "Base64"), ("IQ== \n", "a rank"), ("IQ== -1\n", "a rank"),
        ("IQ== 1.5\n", "a rank"),
        ("IQ== 99999999999999999999\n", "a rank"), ("IQ== 4194304\n", "a rank"),
        ("IQ== 0\nIQ== 1\n", "each token once"),
        ("IQ== 0\nIg== 0\n", "each rank once"), ("IQ== 0\n", "256 bytes"),
    ])
    func `a damaged file is an error that says where`(_ text: String, _ expected: String) {
        let error = #expect(throws: FileError.self) { try reading(text) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(expected))
    }

    @Test func `Base64 is what RFC 4648 says`() {
        for (text, base64) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            #expect(Base64.text(of: Array(text.utf8)) == Array(base64.utf8))
            var bytes: [UInt8] = [1]
            #expect(
                Base64.decode(Array(base64.utf8)[...], into: &bytes) && bytes == Array(text.utf8))
        }
    }
}
