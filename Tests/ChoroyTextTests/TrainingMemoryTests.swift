import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite(.serialized) struct `Training in little memory` {
    /// Eight million bytes of words that get rarer and rarer, most of them different.
    private static func text() -> [UInt8] {
        var random = SeededRandom(seed: 17)
        var text: [UInt8] = []
        while text.count < 8_000_000 {
            let length = 2 + random.below(3) + random.below(2) * random.below(4)
            text += (0..<length).map { _ in UInt8(0x61 + random.below(1 + random.below(26))) }
            text.append(0x20)
        }
        return text
    }

    @Test func `learns from the most frequent pieces, whatever the number of threads`() throws {
        let text = Self.text()
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "text.txt")
            try AtomicFile.write(text, to: path)
            let files = try TextFile.files(at: [path])
            let threads = ThreadPool.shared.threadCount
            defer { ThreadPool.shared.setThreadCount(threads) }
            let trainer = try BPETrainer(vocabularySize: 600, memory: 4 << 20)
            let results = try [1, 2, 5].map { count in
                ThreadPool.shared.setThreadCount(count)
                return try trainer.train(files)
            }
            #expect(Set(results.map(\.tokenizer.hash)).count == 1)
            let result = results[0]
            #expect(result.smallestCount > 2 && result.pieces > 200_000)

            // The same pieces, counted here, each a document of its own as often as it occurs.
            var counts: [ArraySlice<UInt8>: Int] = [:]
            for piece in PreTokenizer(.llamaBPE).pieces(of: text) {
                counts[text[piece], default: 0] += 1
            }
            #expect(counts.count == result.pieces)
            #expect(counts.values.reduce(0, +) == result.occurrences)
            let kept = counts.filter { $0.value >= result.smallestCount }
            #expect(kept.values.reduce(0, +) == result.occurrencesLearnt)
            let documents = kept.flatMap { Array(repeating: $0.key, count: $0.value) }
            #expect(
                try BPETrainer(vocabularySize: 600).train(documents).hash == result.tokenizer.hash)
        }
    }

    @Test func `learns from all where all fit`() throws {
        let text = Array(smallText.utf8)
        let trainer = try BPETrainer(vocabularySize: 350, memory: 1 << 20)
        #expect(try trainer.train(text).hash == BPETrainer(vocabularySize: 350).train(text).hash)
    }
}
