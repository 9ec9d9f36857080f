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

    @Test(
        .enabled(if: Fixtures.shared("tokenizers/tiktoken") != nil, sharedDataIsAbsent),
        arguments: ["cl100k_base", "o200k_base"])
    func `a tiktoken file gives tiktoken's ids`(_ name: String) throws {
        let path = try #require(Fixtures.shared("tokenizers/golden-dev.json"))
        let tokenizer = try Tokenizer(
            contentsOf: try #require(Fixtures.shared("tokenizers/tiktoken/\(name).tiktoken")))
        for entry in try #require(try json(path)["cases"]?.array) {
            let text = Array(try #require(entry["text"]?.string).utf8)
            let found = tokenizer.encode(text)
            #expect(found == ids(entry[name]))
            #expect(tokenizer.decode(found) == text)
            guard let special = ids(entry["\(name)_special"]) else { continue }
            #expect(tokenizer.encode(text, parsingSpecialTokens: true) == special)
        }
        let files = try #require(Fixtures.shared("tokenizers/golden-files.json"))
        for (file, entry) in try #require(try json(files).object).members {
            let text = try FileBytes.read(try #require(Fixtures.shared(file)))
            let found = tokenizer.encode(text)
            #expect(found.count == entry[name]?["tokens"]?.integer)
            #expect(digest(found) == entry[name]?["sha256_u32le"]?.string)
        }
    }

    /// SHA-256 of ids as little-endian words.
    private func digest(_ ids: [TokenID]) -> String {
        SHA256.hex(
            ids.flatMap { id in
                (0..<4).map { UInt8(truncatingIfNeeded: id >> (8 * TokenID($0))) }
            })
    }

    @Test(.enabled(if: Fixtures.shared("tokenizers/gpt2") != nil, sharedDataIsAbsent))
    func `GPT-2's two files are the same tokenizer as its one`() throws {
        let folder = try #require(Fixtures.shared("tokenizers/gpt2"))
        let one = try Tokenizer(contentsOf: folder)
        for name in ["encoder.json", "vocab.bpe"] {
            let two = try Tokenizer(contentsOf: FilePath.join(folder, name))
            #expect(two.vocabularySize == one.vocabularySize && two.mergeCount == one.mergeCount)
            let text = Array("\(smallText)<|endoftext|>".utf8)
            for special in [false, true] {
                #expect(
                    two.encode(text, parsingSpecialTokens: special)
                        == one.encode(text, parsingSpecialTokens: special))
            }
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
            #expect(digest(found) == entry["gpt2_hf"]?["sha256_u32le"]?.string)
        }
    }
}
