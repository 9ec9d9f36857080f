import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Golden ids` {
    private func json(_ path: String) throws -> JSONValue {
        try JSONReader.parse(try FileBytes.read(path), path: path)
    }

    private func ids(_ value: JSONValue?) -> [TokenID]? {
        value?.array?.compactMap { $0.integer.map { TokenID($0) } }
    }

    /// Golden/tokenizer_ids.py: what Hugging Face tokenizers gives for the file we write.
    @Test(arguments: PreTokenizer.Pattern.allCases)
    func `a trained tokenizer gives the ids of Hugging Face`(
        _ pattern: PreTokenizer.Pattern
    ) throws {
        let golden = try json(
            FilePath.join(Fixtures.packageRoot, "Tests/ChoroyTextTests/Golden/tokenizer_ids.json"))
        let text = try #require(golden["text"]?.string)
        let size = try #require(golden["vocabulary_size"]?.integer)
        let trained = try BPETrainer(vocabularySize: size, pattern: pattern).train(Array(text.utf8))
        let tokenizer = try Fixtures.withTemporaryDirectory { directory in
            try trained.save(to: directory)
            return try Tokenizer(contentsOf: directory)
        }
        #expect(tokenizer.hash == trained.hash)
        let cases = try #require(golden["cases"]?.array)
        let expected = try #require(golden["ids"]?[pattern.rawValue]?.array)
        #expect(cases.count == expected.count && cases.count > 100)
        for (text, wanted) in zip(cases, expected) {
            let bytes = Array((text.string ?? "").utf8)
            #expect(tokenizer.encode(bytes, parsingSpecialTokens: true) == ids(wanted))
        }
    }

    @Test(.enabled(if: Fixtures.shared("tokenizers/golden-dev.json") != nil, sharedDataIsAbsent))
    func `GPT-2's file gives GPT-2's ids`() throws {
        let path = try #require(Fixtures.shared("tokenizers/golden-dev.json"))
        let tokenizer = try Tokenizer(contentsOf: try #require(Fixtures.shared("tokenizers/gpt2")))
        #expect(tokenizer.vocabularySize == 50_257 && tokenizer.pattern == .gpt2)
        let cases = try #require(try json(path)["cases"]?.array)
        #expect(cases.count > 50)
        for entry in cases {
            let text = try #require(entry["text"]?.string)
            let found = tokenizer.encode(Array(text.utf8), parsingSpecialTokens: true)
            #expect(found == ids(entry["gpt2_hf"]))
            #expect(tokenizer.decode(found) == Array(text.utf8))
        }
    }

    @Test(.enabled(if: Fixtures.shared("tokenizers/trained") != nil, sharedDataIsAbsent))
    func `a file that Hugging Face trained gives its ids`() throws {
        let path = try #require(Fixtures.shared("tokenizers/trained/gpt2-style.golden.json"))
        let tokenizer = try Tokenizer(
            contentsOf: try #require(Fixtures.shared("tokenizers/trained/gpt2-style.json")))
        for entry in try #require(try json(path).array) {
            let text = Array(try #require(entry["text"]?.string).utf8)
            #expect(
                tokenizer.encode(text, parsingSpecialTokens: true) == ids(entry["ids"]))
        }
    }

    @Test(.enabled(if: Fixtures.shared("tokenizers/golden-files.json") != nil, sharedDataIsAbsent))
    func `whole files give GPT-2's ids`() throws {
        let path = try #require(Fixtures.shared("tokenizers/golden-files.json"))
        let tokenizer = try Tokenizer(contentsOf: try #require(Fixtures.shared("tokenizers/gpt2")))
        for (name, entry) in try #require(try json(path).object).members {
            let file = try #require(Fixtures.shared(name))
            let found = tokenizer.encode(try FileBytes.read(file), parsingSpecialTokens: true)
            #expect(found.count == entry["gpt2_hf"]?["tokens"]?.integer)
            let bytes = found.flatMap { id in
                (0..<4).map { UInt8(truncatingIfNeeded: id >> (8 * TokenID($0))) }
            }
            #expect(SHA256.hex(bytes) == entry["gpt2_hf"]?["sha256_u32le"]?.string)
        }
    }
}
