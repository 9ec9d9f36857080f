import ChoroySystem
import ChoroyText
import TestSupport
import Testing

/// Ids that other projects keep of their own tokenizers.
@Suite struct `Ids in other projects' tests` {
    private static func tokenizer(_ encoding: String) throws -> Tokenizer {
        let name =
            encoding == "r50k_base" ? "gpt2/ggml-vocab-gpt-2.gguf" : "tiktoken/\(encoding).tiktoken"
        return try Tokenizer(contentsOf: try #require(Fixtures.shared("tokenizers/\(name)")))
    }

    @Test(
        .enabled(if: Fixtures.shared("tokenizers/TestPlans.txt") != nil, sharedDataIsAbsent),
        arguments: [("r50k_base", 64), ("cl100k_base", 64), ("o200k_base", 57)])
    func `gpt-tokenizer's plans hold`(_ encoding: String, _ count: Int) throws {
        let path = try #require(Fixtures.shared("tokenizers/TestPlans.txt"))
        let lines = String(decoding: try FileBytes.read(path), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        let tokenizer = try Self.tokenizer(encoding)
        var checked = 0
        for (index, line) in lines.enumerated() where line == "EncodingName: \(encoding)" {
            let text = lines[index + 1].dropFirst("Sample: ".count)
            let ids = lines[index + 2].split { !$0.isNumber }.compactMap { TokenID($0) }
            #expect(tokenizer.encode(String(text)) == ids, "\(text)")
            #expect(tokenizer.decode(ids) == Array(text.utf8))
            checked += 1
        }
        #expect(checked == count)
    }

    @Test(
        .enabled(
            if: Fixtures.shared("tokenizers/swift-transformers-tests.json") != nil,
            sharedDataIsAbsent))
    func `swift-transformers' ids of GPT-2 hold`() throws {
        let path = try #require(Fixtures.shared("tokenizers/swift-transformers-tests.json"))
        let cases = try #require(
            try JSONReader.parse(try FileBytes.read(path), path: path)["distilgpt2"]?.array)
        let tokenizer = try Tokenizer(contentsOf: try #require(Fixtures.shared("tokenizers/gpt2")))
        #expect(cases.count == 18)
        for entry in cases {
            let text = Array(try #require(entry["input"]?.string).utf8)
            let ids = try #require(entry["encoded"]?["input_ids"]?.array).compactMap {
                $0.integer.map { TokenID($0) }
            }
            #expect(tokenizer.encode(text, parsingSpecialTokens: true) == ids)
            #expect(tokenizer.decode(ids) == text)
        }
    }

    /// Ties are broken the other way there, so the order is another; what the vocabularies cover is nearly the
    /// same.
    @Test(.enabled(if: Fixtures.shared("tokenizers/bpe-train") != nil, sharedDataIsAbsent))
    func `training covers what another trainer's vocabulary covers`() throws {
        let folder = try #require(Fixtures.shared("tokenizers/bpe-train"))
        let path = FilePath.join(folder, "train-bpe-reference-vocab.json")
        let reference = try #require(
            try JSONReader.parse(try FileBytes.read(path), path: path).object
        ).members.map(\.key)
        let text = try FileBytes.read(FilePath.join(folder, "corpus.en"))
        let tokenizer = try BPETrainer(
            vocabularySize: 500, pattern: .gpt2, specialTokens: ["<|endoftext|>"]
        ).train(text)
        let ours = Set((0..<tokenizer.vocabularySize).map { tokenizer.name(of: TokenID($0)) })
        let common = reference.count(where: ours.contains)
        #expect(reference.count == 500 && common >= 496, "\(common) of 500")
    }

    /// How many tokens a text needs with the vocabulary that Hugging Face's trainer learns from it.
    @Test(
        .enabled(
            if: Fixtures.shared("tokenizers/bpe-train-reference.json") != nil, sharedDataIsAbsent),
        arguments: [
            ("tinystories-900", 512, 350_703), ("tinystories-900", 1024, 264_745),
            ("tinystories-900", 4096, 202_369), ("childrens-books", 4096, 1_013_660),
            ("childrens-books", 8192, 938_830),
        ])
    func `a text needs as many tokens as with Hugging Face's trainer`(
        _ name: String, _ size: Int, _ count: Int
    ) throws {
        let file = try #require(Fixtures.shared("text/\(name).txt"))
        var text = try FileBytes.read(file)
        if name == "tinystories-900" {
            text = Array(
                String(decoding: text, as: UTF8.self).replacing("<|endoftext|>", with: "\n").utf8)
        }
        let tokenizer = try BPETrainer(
            vocabularySize: size, pattern: .gpt2, specialTokens: []
        ).train(text)
        let found = tokenizer.encode(text).count
        #expect(abs(found - count) <= count / 200, "\(found) tokens")
    }
}
