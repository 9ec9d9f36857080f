import ChoroyModel
import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `N-gram files` {
    static let text = """
        the cat ▁ sat on the mät ☃ the dog
        the dog sat on the cät and the cat sat on the dog
        no dog ate the mat, the cat did
        """

    static func model(_ unit: NGramVocabulary.Unit, order: Int) -> (NGramVocabulary, NGramModel) {
        `Modified Kneser-Ney`.model(text, unit: unit, order: order)
    }

    @Test(arguments: NGramVocabulary.Unit.allCases, NGramFile.Layout.allCases)
    func `a model comes back from its file`(
        _ unit: NGramVocabulary.Unit, _ layout: NGramFile.Layout
    ) throws {
        for order in [1, 2, 5] {
            let (vocabulary, model) = Self.model(unit, order: order)
            let tokenizer = Tokenizer(bytesAnd: Tokenizer.reservedTokens)
            try Fixtures.withTemporaryDirectory { directory in
                let path = FilePath.join(directory, "m.ngram")
                let cost = try NGramFile.write(
                    model, vocabulary, to: path, layout: layout, tokenizerHash: "abc")
                #expect((cost != nil) == (layout == .quantized))
                try NGramFile.verify(path)
                var hash: String?
                let (back, names) = try NGramFile.open(path) {
                    hash = $0
                    return tokenizer
                }
                #expect(hash == (unit == .token ? "abc" : nil))
                #expect(names.unit == unit && names.endToken == vocabulary.endToken)
                #expect(back.counts == model.counts && back.endToken == model.endToken)
                let tokens = vocabulary.encode(Self.text + " dog on cat")
                #expect(names.encode(Self.text + " dog on cat") == tokens)
                // No more different numbers than 256 at these sizes, so even bytes are exact but for the unit
                // of characters and tokens, where a logarithm of base 10 may move by a hundredth.
                let tolerance = layout == .quantized ? 0.05 : 0
                for (a, b) in zip(model.nats(tokens), back.nats(tokens)) {
                    #expect(abs(a - b) <= tolerance)
                }
                let facts = try NGramFile.facts(path)
                #expect(facts.layout == layout && facts.counts == model.counts)
            }
        }
    }

    @Test func `layouts turn into each other and into the same ARPA file`() throws {
        let (vocabulary, model) = Self.model(.word, order: 4)
        try Fixtures.withTemporaryDirectory { directory in
            func path(_ name: String) -> String { FilePath.join(directory, name) }
            func open(_ name: String) throws -> NGramModel {
                try NGramFile.open(path(name)) { _ in vocabulary }.0
            }
            try NGramFile.write(model, vocabulary, to: path("fast"))
            try NGramFile.write(
                try open("fast"), vocabulary, to: path("compact"), layout: .compact)
            try NGramFile.write(try open("compact"), vocabulary, to: path("again"))
            #expect(try FileBytes.read(path("again")) == FileBytes.read(path("fast")))
            try ARPAWriter.write(model, vocabulary, to: path("a"))
            try ARPAWriter.write(try open("compact"), vocabulary, to: path("b"))
            #expect(try FileBytes.read(path("a")) == FileBytes.read(path("b")))
        }
    }

    @Test func `a model is small in the compact layout and smaller in bytes`() throws {
        let (vocabulary, model) = Self.model(.character, order: 5)
        try Fixtures.withTemporaryDirectory { directory in
            let sizes = try NGramFile.Layout.allCases.map { layout in
                let path = FilePath.join(directory, layout.rawValue)
                try NGramFile.write(model, vocabulary, to: path, layout: layout)
                return try NGramFile.facts(path).size
            }
            #expect(sizes[1] < sizes[0])
        }
    }

    @Test(arguments: NGramFile.Layout.allCases)
    func `a changed bit is found, and never traps a look-up`(_ layout: NGramFile.Layout) throws {
        let (vocabulary, model) = Self.model(.word, order: 3)
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "m.ngram")
            try NGramFile.write(model, vocabulary, to: path, layout: layout)
            let whole = try FileBytes.read(path)
            let tokens = vocabulary.encode(Self.text)
            var random = SeededRandom(seed: 3)
            for _ in 0..<600 {
                var bytes = whole
                bytes[random.below(whole.count)] ^= 1 << UInt8(random.below(8))
                try AtomicFile.write(bytes, to: path)
                #expect(throws: FileError.self) { try NGramFile.verify(path) }
                guard let (model, _) = try? NGramFile.open(path, tokenizer: { _ in vocabulary })
                else { continue }
                _ = model.nats(tokens)
                var states = [model.initialState()]
                _ = model.logits([Array(tokens.prefix(6))], states: &states, at: .all)
                _ = try? NGramFile.write(model, vocabulary, to: path + ".again", layout: .compact)
                try? ARPAWriter.write(model, vocabulary, to: path + ".arpa")
            }
        }
    }

    @Test func `a cut file is an error`() throws {
        let (vocabulary, model) = Self.model(.word, order: 2)
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "m.ngram")
            try NGramFile.write(model, vocabulary, to: path)
            let whole = try FileBytes.read(path)
            for size in stride(from: 0, to: whole.count, by: 7) {
                try AtomicFile.write(Array(whole[..<size]), to: path)
                #expect(throws: FileError.self) {
                    _ = try NGramFile.open(path) { _ in vocabulary }
                }
            }
        }
    }

    @Test func `scores of a long text are those of one token after the other`() throws {
        var random = SeededRandom(seed: 9)
        var sequences = NGramSequences(vocabularySize: 40, endToken: 0)
        sequences.append((0..<3000).map { _ in TokenID(random.below(40)) })
        let model = NGramEstimate(order: 4, sequences).model
        let tokens = (0..<1500).map { _ in TokenID(random.below(40)) }
        let whole = model.nats(tokens)
        var states = [model.initialState()]
        for place in 1..<tokens.count {
            let one = model.logProbabilities([[tokens[place - 1], tokens[place]]], states: &states)
            #expect(one[0] == [whole[place - 1]])
        }
    }

    @Test func `threads change no byte of a model`() throws {
        var random = SeededRandom(seed: 4)
        let words = (0..<400).map { "w\($0 * $0)" }
        let text = (0..<30_000).map { index in
            words[random.below(1 + random.below(400))] + (index % 11 == 0 ? "\n" : " ")
        }.joined()
        let threads = ThreadPool.shared.threadCount
        defer { ThreadPool.shared.setThreadCount(threads) }
        try Fixtures.withTemporaryDirectory { directory in
            var files: [[UInt8]] = []
            for count in [1, 2, 3, 8] {
                ThreadPool.shared.setThreadCount(count)
                let (vocabulary, model) = `Modified Kneser-Ney`.model(text, unit: .word, order: 5)
                let path = FilePath.join(directory, "\(count)")
                try NGramFile.write(model, vocabulary, to: path, layout: .compact)
                try ARPAWriter.write(model, vocabulary, to: path + ".arpa")
                files.append(try FileBytes.read(path) + FileBytes.read(path + ".arpa"))
            }
            #expect(Set(files).count == 1)
        }
    }

    @Test func `two threads never count at one place at once`() {
        var random = SeededRandom(seed: 6)
        var sequences = NGramSequences(vocabularySize: 300, endToken: 0)
        sequences.append((0..<200_000).map { _ in TokenID(1 + random.below(299)) })
        let threads = ThreadPool.shared.threadCount
        defer { ThreadPool.shared.setThreadCount(threads) }
        let tokens = (1..<300).map { TokenID($0) }
        for order in [2, 3] {
            ThreadPool.shared.setThreadCount(1)
            let alone = NGramEstimate(order: order, sequences).model.nats(tokens)
            ThreadPool.shared.setThreadCount(4)
            for _ in 0..<5 {
                #expect(NGramEstimate(order: order, sequences).model.nats(tokens) == alone)
            }
        }
    }

    @Test func `buckets of many thousands are counted as they should`() {
        var random = SeededRandom(seed: 8)
        let tokens = (0..<20_000).map { _ in TokenID(1 + random.below(2)) }
        var sequences = NGramSequences(vocabularySize: 3, endToken: 0)
        sequences.append(tokens)
        let model = NGramEstimate(order: 9, sequences).model
        // With two letters every 9-gram occurs: 2^k n-grams, those that begin with <s>, and the last.
        let found = (2...9).map { model.counts[$0 - 1] }
        #expect(found == (2...9).map { (1 << $0) + 2 })
        for context in [[1, 2, 1, 1], [2, 2, 2, 2, 2, 2, 2, 2, 2]] as [[TokenID]] {
            let sum = (0..<3).reduce(0) { $0 + model.probability(TokenID($1), after: context) }
            #expect(abs(sum - 1) < 1e-5)
        }
    }
}
