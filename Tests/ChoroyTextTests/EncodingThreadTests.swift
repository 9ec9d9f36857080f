import ChoroySystem
import ChoroyText
import Testing

/// The shared thread pool is changed, so not beside other tests that change it.
@Suite("Encoding by several threads", .serialized) struct EncodingThreadTests {
    private static func ids(_ text: [UInt8], _ tokenizer: Tokenizer, threads: Int) -> [TokenID] {
        let before = ThreadPool.shared.threadCount
        defer { ThreadPool.shared.setThreadCount(before) }
        ThreadPool.shared.setThreadCount(threads)
        return tokenizer.withEmptyCache().encode(text)
    }

    private static func tokenizer(of text: [UInt8]) throws -> Tokenizer {
        try BPETrainer(vocabularySize: 600, pattern: .gpt2).train(text)
    }

    @Test func `gives the ids that one thread gives, in order`() throws {
        let words: [[UInt8]] = (0..<5_000).map { _ in
            (0..<Int.random(in: 1...9)).map { _ in UInt8.random(in: 0x61...0x7A) }
        }
        var text: [UInt8] = []
        while text.count < 3_000_000 {
            text += words[Int.random(in: 0..<words.count)] + [0x20]
            // A stretch without a place to cut, longer than the parts of a text.
            if text.count % 1_000 == 0 { text += [UInt8](repeating: 0x78, count: 300_000) }
        }
        let tokenizer = try Self.tokenizer(of: Array(text[..<100_000]))
        let expected = Self.ids(text, tokenizer, threads: 1)
        #expect(tokenizer.decode(expected) == text)
        for threads in [2, 3, 8] {
            #expect(Self.ids(text, tokenizer, threads: threads) == expected)
        }
    }

    @Test func `gives the ids of texts about as long as a part`() throws {
        let text = Array(String(repeating: "Once upon a time 12 kings. ", count: 20_000).utf8)
        let tokenizer = try Self.tokenizer(of: Array(text[..<1_000]))
        for count in [
            0, 1, 131_071, 131_072, 196_608, 196_609, 262_144, 262_145, 393_217, text.count,
        ] {
            let part = Array(text[..<count])
            #expect(
                Self.ids(part, tokenizer, threads: 2) == Self.ids(part, tokenizer, threads: 1))
        }
    }
}
