import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite(.serialized) struct `BPE training` {
    /// The example of Wikipedia's article on byte-pair encoding: aaabdaaabac → XdXac with
    /// Z = aa, Y = ab, X = ZY.
    ///
    /// The first merge is aa (4 neighbouring pairs). Then (aa, a) and (a, b) and (aa, ab)… stand
    /// twice each: (a, b) = (97, 98) is the smallest pair of ids, then (aa, ab) = (256, 257).
    @Test(arguments: PreTokenizer.Pattern.allCases)
    func `aaabdaaabac becomes X d X a c`(_ pattern: PreTokenizer.Pattern) throws {
        let trainer = try BPETrainer(
            vocabularySize: 259, pattern: pattern, specialTokens: [])
        let tokenizer = try trainer.train(Array("aaabdaaabac".utf8))
        #expect(tokenizer.vocabularySize == 259)
        #expect(tokenizer.bytes(of: 256) == Array("aa".utf8))
        #expect(tokenizer.bytes(of: 257) == Array("ab".utf8))
        #expect(tokenizer.bytes(of: 258) == Array("aaab".utf8))
        #expect(tokenizer.encode("aaabdaaabac") == [258, 100, 258, 97, 99])
    }

    @Test func `of equal counts the smaller left id wins, then the smaller right id`() throws {
        let tokenizer = try BPETrainer(vocabularySize: 260, specialTokens: []).train(
            Array("zb yb ya zb yb ya".utf8))
        // (space, y) stands four times; then (z, b) = (122, 98), (256, a) and (256, b) twice each.
        let merges = (256..<260).map { tokenizer.bytes(of: $0) }
        #expect(merges == [" y", "zb", " ya", " yb"].map { Array($0.utf8) })
    }

    @Test func `special tokens come last and in order`() throws {
        let tokenizer = try BPETrainer(vocabularySize: 300).train(Array(smallText.utf8))
        #expect(tokenizer.vocabularySize == 300)
        #expect(tokenizer.specialTokens.map(\.content) == Tokenizer.reservedTokens)
        #expect(tokenizer.specialTokens.map(\.id) == Array(292..<300))
        #expect(tokenizer.id(ofSpecial: "<|endoftext|>") == 292)
    }

    @Test func `264 tokens are the bytes and the reserved tokens`() throws {
        let tokenizer = try BPETrainer(vocabularySize: 264).train(Array(smallText.utf8))
        #expect(tokenizer.mergeCount == 0)
        #expect(tokenizer.encode("Aé") == [65, 0xC3, 0xA9])
        #expect(tokenizer.hash == Tokenizer().hash)
    }

    @Test(arguments: [-1, 0, 263, 1 << 20 + 1, Int.max])
    func `an impossible size is an error`(_ size: Int) {
        #expect(throws: FileError.self) { try BPETrainer(vocabularySize: size) }
    }

    @Test(arguments: [["a"], [""], ["<|x|>", "<|x|>"]])
    func `an impossible special token is an error`(_ special: [String]) {
        #expect(throws: FileError.self) {
            try BPETrainer(vocabularySize: 300, specialTokens: special)
        }
    }

    @Test func `a merge never spells a special token`() throws {
        let text = Array(String(repeating: "parrot ", count: 50).utf8)
        let tokenizer = try BPETrainer(vocabularySize: 400, specialTokens: ["parrot", "rot"])
            .train(text)
        #expect(tokenizer.encode(text).allSatisfy { Int($0) < tokenizer.vocabularySize - 2 })
        try Fixtures.withTemporaryDirectory { directory in
            try tokenizer.save(to: directory)
            #expect(try Tokenizer(contentsOf: directory).hash == tokenizer.hash)
        }
    }

    @Test func `text without repetition gives a smaller tokenizer`() throws {
        let tokenizer = try BPETrainer(vocabularySize: 5000).train(Array(smallText.utf8))
        #expect(tokenizer.vocabularySize < 500)
        #expect(tokenizer.vocabularySize == 264 + tokenizer.mergeCount)
    }

    @Test func `no text gives bytes`() throws {
        #expect(try BPETrainer(vocabularySize: 300).train([UInt8]()).vocabularySize == 264)
    }

    @Test func `any number of threads and any order of documents give the same tokenizer`() throws {
        var random = SeededRandom(seed: 7)
        let words = (0..<400).map { _ in
            String(
                decoding: random.bytes(1 + random.below(9)).map { $0 & 0x1F | 0x60 }, as: UTF8.self)
        }
        let documents = (0..<6).map { _ in
            Array(
                (0..<60_000).map { _ in words[random.below(random.below(399) + 1)] }
                    .joined(separator: " ").utf8)[...]
        }
        let trainer = try BPETrainer(vocabularySize: 700)
        let threads = ThreadPool.shared.threadCount
        defer { ThreadPool.shared.setThreadCount(threads) }
        let hashes = try [1, 2, 3, 8].map { count in
            ThreadPool.shared.setThreadCount(count)
            return try trainer.train(documents).hash
        }
        #expect(Set(hashes).count == 1)
        #expect(try trainer.train(documents.reversed()).hash == hashes[0])
    }

    /// Counts every pair anew in each round, as the definition says.
    private func slowMerges(_ text: [UInt8], _ count: Int) -> [[UInt8]] {
        var pieces = PreTokenizer(.llamaBPE).pieces(of: text).map { text[$0].map { Int($0) } }
        var tokens = (0..<256).map { [UInt8($0)] }
        while tokens.count < 256 + count {
            var counts: [[Int]: Int] = [:]
            for piece in pieces {
                for pair in zip(piece, piece.dropFirst()) {
                    counts[[pair.0, pair.1], default: 0] += 1
                }
            }
            let best = counts.min {
                ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1])
            }
            guard let best, best.value > 1 else { break }
            tokens.append(tokens[best.key[0]] + tokens[best.key[1]])
            for index in pieces.indices {
                var merged: [Int] = []
                var place = 0
                while place < pieces[index].count {
                    if Array(pieces[index][place...].prefix(2)) == best.key {
                        merged.append(tokens.count - 1)
                        place += 2
                    } else {
                        merged.append(pieces[index][place])
                        place += 1
                    }
                }
                pieces[index] = merged
            }
        }
        return Array(tokens[256...])
    }

    @Test func `incremental counts give the merges of counting anew`() throws {
        var random = SeededRandom(seed: 3)
        var texts = [Array(smallText.utf8)]
        for _ in 0..<20 {
            texts.append(
                (0..<600).map { _ in UInt8(random.below(10) == 0 ? 32 : 97 + random.below(3)) })
        }
        for text in texts {
            let expected = slowMerges(text, 60)
            let tokenizer = try BPETrainer(vocabularySize: 256 + 60, specialTokens: []).train(text)
            let found = (256..<tokenizer.vocabularySize).map { tokenizer.bytes(of: TokenID($0)) }
            #expect(found == expected)
        }
    }
}
