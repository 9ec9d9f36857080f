import ChoroySystem
import ChoroyText
import Testing

@Suite struct `Encoding stream` {
    private static let tokenizer: Tokenizer? = try? BPETrainer(vocabularySize: 420).train(
        Array(smallText.utf8))

    private func stream(
        _ text: [UInt8], _ tokenizer: Tokenizer, chunk: Int, special: Bool = false
    ) -> [TokenID] {
        var random = SeededRandom(seed: UInt64(chunk))
        var stream = EncodingStream(
            tokenizer, parsingSpecialTokens: special, chunkSize: chunk)
        var ids: [TokenID] = []
        var start = 0
        while start < text.count {
            let end = min(text.count, start + 1 + random.below(chunk))
            ids += stream.append(text[start..<end])
            start = end
        }
        return ids + stream.finish()
    }

    @Test(arguments: [1, 7, 64, 300, 5000])
    func `pieces of a text give the ids of the whole`(_ chunk: Int) throws {
        let tokenizer = try #require(Self.tokenizer)
        var random = SeededRandom(seed: 3)
        let words = [
            "The", " ", "  ", "\n", "\n\n", " boats", "late", "'s", "12345", "。", "Brücke", "!",
            "é",
        ]
        for count in [0, 1, 20, 3000] {
            let text = (0..<count).flatMap { _ in Array(words[random.below(words.count)].utf8) }
            #expect(stream(text, tokenizer, chunk: chunk) == tokenizer.encode(text))
        }
        let bytes = random.bytes(20_000)
        #expect(stream(bytes, tokenizer, chunk: chunk) == tokenizer.encode(bytes))
    }

    @Test(arguments: ["x", " ", "\n", "-", "7", "'s", "中", "a。"])
    func `text without a place to cut waits until it is whole`(_ unit: String) throws {
        let tokenizer = try #require(Self.tokenizer)
        let text = Array(String(repeating: unit, count: 20_000).utf8) + Array("end".utf8)
        #expect(stream(text, tokenizer, chunk: 1000) == tokenizer.encode(text))
    }

    @Test func `a special token is found wherever pieces of the text end`() throws {
        let tokenizer = try #require(Self.tokenizer)
        let text = Array(
            String(repeating: "one <|im_start|> two<|im_end|>\n three <|im_sta rt|>", count: 200)
                .utf8)
        for chunk in [1, 5, 16, 100, 1000] {
            let ids = stream(text, tokenizer, chunk: chunk, special: true)
            #expect(ids == tokenizer.encode(text, parsingSpecialTokens: true))
        }
    }
}
