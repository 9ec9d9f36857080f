import ChoroyModel
import ChoroySystem
import ChoroyText
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `Modified Kneser-Ney` {
    @Test func `a worked example: unigrams of "a a b"`() {
        // c(a) = 2, c(b) = c(</s>) = 1, c(<unk>) = 0; no count 3, so discounts 0.5, 1, 1.5;
        // γ = (1 + 0.5 + 0.5) / 4 = 1/2, spread over 4 words.
        let (vocabulary, estimate) = Self.words("a a b\n", order: 1)
        #expect(estimate.notes.count == 1)
        // (2 - 1) / 4 + 1/8, (1 - 0.5) / 4 + 1/8, 1/8
        for (word, probability) in [("a", 0.375), ("b", 0.25), ("c", 0.125)] {
            let nats = estimate.model.nats(vocabulary.encode("b \(word)"))
            // 1e-7: the logarithm is a Float, of 24 bits.
            #expect(abs(exp(nats[0]) - probability) < 1e-7)
        }
    }

    @Test func `marks in a text are no words`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let plain = FilePath.join(directory, "plain")
            let marked = FilePath.join(directory, "marked")
            try AtomicFile.write(Array("a b a\nb c\n".utf8), to: plain)
            try AtomicFile.write(Array("a <unk> b <s> a\n</s> b <unk> c\n".utf8), to: marked)
            let texts = try [plain, marked].map {
                try NGramCorpus([TextFile($0)], unit: .word)
            }
            #expect(texts[0].vocabulary.vocabularySize == 5)
            #expect(texts[1].vocabulary.vocabularySize == 5)
            #expect(texts[0].sequences.count == 7 && texts[1].sequences.count == 7)
            let models = texts.map { NGramEstimate(order: 2, $0.sequences).model }
            let tokens = texts[0].vocabulary.encode("c a b")
            #expect(models[0].nats(tokens) == models[1].nats(tokens))
        }
    }

    @Test func `discounts follow equation 26 of Chen and Goodman`() {
        // Y = 10 / 18: D1 = 1 - 2Y·4/10, D2 = 2 - 3Y·2/4, D3 = 3 - 4Y·1/2.
        let discounts = Discounts(countsOfCounts: [10, 4, 2, 1])
        #expect(discounts.reason == nil)
        for (value, expected) in zip(discounts.values, [0, 5.0 / 9, 7.0 / 6, 17.0 / 9]) {
            #expect(abs(value - expected) < 1e-12)
        }
    }

    @Test(arguments: [
        [0, 4, 2, 1], [10, 0, 2, 1], [10, 4, 0, 1], [10, 4, 2, 100], [0, 0, 0, 0],
    ])
    func `discounts that cannot be estimated fall back and say so`(_ counts: [Int]) {
        let discounts = Discounts(countsOfCounts: counts)
        #expect(discounts.values == [0, 0.5, 1, 1.5])
        #expect(discounts.reason != nil)
    }

    /// Alphabets of different sizes pack into keys in different ways: of one round of sorting, of two,
    /// of many.
    @Test(arguments: [(1, 3, true), (3, 4, true), (5, 3, false), (9, 40, true), (12, 300, true)])
    func `the estimate equals the definition`(_ order: Int, _ alphabet: Int, _ marks: Bool) {
        var random = SeededRandom(seed: UInt64(order))
        let end = marks ? TokenID(0) : nil
        var sequences = NGramSequences(vocabularySize: alphabet, endToken: end)
        var naive: [[Int]] = []
        for _ in 0..<6 {
            let tokens = (0..<40).map { _ in
                1 + random.below(2) * random.below(alphabet - 1)
            }
            sequences.append(tokens.map { TokenID($0) })
            naive.append(marks ? [alphabet] + tokens + [0] : tokens)
        }
        let model = NGramEstimate(order: order, sequences).model
        let oracle = NaiveKneserNey(order: order, naive, vocabularySize: alphabet)
        for _ in 0..<30 {
            let sequence = naive[random.below(naive.count)]
            let length = (marks ? 0 : 1) + random.below(order + 3)
            let seen = sequence.filter { $0 < alphabet && $0 > 0 }.prefix(length)
            let context =
                random.below(2) == 0 ? Array(seen) : seen.map { _ in random.below(alphabet) }
            let token = random.below(alphabet)
            // The model starts after <s>, and again after each end token.
            var history = marks ? [alphabet] : []
            for token in context { history = marks && token == 0 ? [alphabet] : history + [token] }
            let expected = oracle.probability(token, after: history)
            let found = model.probability(TokenID(token), after: context.map { TokenID($0) })
            // 1e-6: a Float of each order, up to 12 of them, and its logarithm.
            #expect(abs(found / expected - 1) < 1e-6 * Double(order), "\(token) after \(history)")
        }
    }

    @Test(arguments: NGramVocabulary.Unit.allCases, [1, 2, 4, 7])
    func `probabilities over the vocabulary sum to one`(_ unit: NGramVocabulary.Unit, _ order: Int)
    {
        let text = "the cat sat on the mat.\nthe dog sät on the cat!\n\nno dog ate the mat\n"
        let (vocabulary, model) = Self.model(text, unit: unit, order: order)
        var random = SeededRandom(seed: 5)
        let ids = vocabulary.encode(text)
        for length in 0..<9 {
            let start = random.below(ids.count - length)
            var context = Array(ids[start..<start + length])
            if length > 2 { context[0] = TokenID(random.below(model.vocabularySize)) }
            var sum = 0.0
            for token in 0..<TokenID(model.vocabularySize) {
                sum += model.probability(token, after: context)
            }
            #expect(abs(sum - 1) < 1e-6)
        }
    }

    /// "a b" twice and "a c" once, so that a threshold leaves out what the counts say.
    @Test(arguments: [([], [6, 7, 6]), ([0, 0, 1], [6, 7, 3]), ([0, 0, 2], [6, 7, 0])])
    func `n-grams that occur too rarely are left out`(_ thresholds: [Int], _ counts: [Int]) {
        let (vocabulary, ids) = NGramVocabulary.words(of: [Array("a b c\na b c\nb c a\n".utf8)[...]]
        )
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        sequences.append(ids[0])
        let estimate = NGramEstimate(
            order: 3, sequences, pruning: NGramPruning(thresholds: thresholds),
            unknownToken: vocabulary.unknownToken)
        #expect(estimate.model.counts == counts)
    }

    @Test(arguments: [[], [0, 0, 1], [0, 1, 2], [1, 1, 1], [2]], [false, true])
    func `what is left out goes to shorter contexts`(_ thresholds: [Int], _ isLimited: Bool) {
        let text = "the cat sat on the mat .\nthe dog sat on the cat !\n\nno dog ate the mat\n"
        var (vocabulary, ids) = NGramVocabulary.words(of: [Array(text.utf8)[...]])
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        sequences.append(ids[0])
        var pruning = NGramPruning(thresholds: thresholds)
        if isLimited { pruning.allowed = vocabulary.words(in: Array("cat the on zebra".utf8)) }
        let estimate = NGramEstimate(
            order: 3, sequences, pruning: pruning, unknownToken: vocabulary.unknownToken)
        if let unigrams = estimate.unigrams { vocabulary = vocabulary.keeping(unigrams) }
        let model = estimate.model
        #expect(model.vocabularySize == vocabulary.vocabularySize)
        if isLimited { #expect(vocabulary.encode("mat the")[0] == vocabulary.unknownToken) }
        for context in ["", "the", "sat on", "on the", "zebra the", "the cat sat"] {
            var sum = 0.0
            for token in 0..<TokenID(model.vocabularySize) {
                sum += model.probability(token, after: vocabulary.encode(context))
            }
            #expect(abs(sum - 1) < 1e-6, "after \(context)")
        }
    }

    @Test func `thresholds that fall or are below 0 are not valid`() {
        for good in [[], [0], [3], [0, 0, 1], [1, 2, 3]] {
            #expect(NGramPruning(thresholds: good).isValid)
        }
        for bad in [[-1], [1, 0], [0, 2, 1]] { #expect(!NGramPruning(thresholds: bad).isValid) }
    }

    @Test func `one token is enough`() {
        let (_, model) = Self.model("a", unit: .byte, order: 6)
        #expect(model.order == 6)
        #expect(model.probability(97, after: []) > 0.4)
    }

    @Test(
        .enabled(if: Fixtures.shared("ngram/stories-train.o3.arpa") != nil, sharedDataIsAbsent))
    func `every number of KenLM's model of the stories is ours`() throws {
        guard let golden = Fixtures.shared("ngram/stories-train.o3.arpa"),
            let text = Fixtures.shared("ngram/stories-train.tok.txt")
        else { return }
        let corpus = try Corpus(at: [text])
        let (vocabulary, ids) = NGramVocabulary.words(of: corpus.documents)
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        for document in ids { sequences.append(document) }
        let estimate = NGramEstimate(order: 3, sequences)
        #expect(estimate.notes.isEmpty)
        let ours = try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "ours.arpa")
            try ARPAWriter.write(estimate.model, vocabulary, to: path)
            return try Self.numbers(FileBytes.read(path))
        }
        let kenlm = try Self.numbers(FileBytes.read(golden))
        #expect(ours.count == kenlm.count && kenlm.count == 1723 + 9252 + 15302)
        var worst = 0.0
        for (words, numbers) in kenlm {
            let own = try #require(ours[words], "\(words)")
            worst = max(worst, abs(own.0 - numbers.0), abs(own.1 - numbers.1))
        }
        // KenLM computes in Float and prints 7 or 8 digits.
        #expect(worst < 1e-5)
    }

    /// Words -> log10 probability and back-off of each line of an ARPA file.
    private static func numbers(_ file: [UInt8]) throws -> [String: (Double, Double)] {
        var result: [String: (Double, Double)] = [:]
        for line in String(decoding: file, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: "\t")
            guard fields.count >= 2, let probability = Double(fields[0]) else { continue }
            let backoff = fields.count > 2 ? try #require(Double(fields[2])) : 0
            result[String(fields[1])] = (probability, backoff)
        }
        return result
    }

    static func words(_ text: String, order: Int) -> (NGramVocabulary, NGramEstimate) {
        let (vocabulary, ids) = NGramVocabulary.words(of: [Array(text.utf8)[...]])
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        for document in ids { sequences.append(document) }
        return (vocabulary, NGramEstimate(order: order, sequences))
    }

    static func model(_ text: String, unit: NGramVocabulary.Unit, order: Int) -> (
        NGramVocabulary, NGramModel
    ) {
        let document = Array(text.utf8)
        let vocabulary: NGramVocabulary =
            switch unit {
            case .word: NGramVocabulary.words(of: [document[...]]).0
            case .byte: .bytes
            case .character: .characters(of: [document[...]])
            case .token: NGramVocabulary(tokens: Tokenizer(bytesAnd: Tokenizer.reservedTokens))
            }
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        sequences.append(vocabulary.encode(document))
        return (vocabulary, NGramEstimate(order: order, sequences).model)
    }
}

extension LanguageModel {
    /// Nats of each token but the first, read from the start.
    func nats(_ tokens: [TokenID]) -> [Double] {
        var states = [initialState()]
        return logProbabilities([tokens], states: &states)[0]
    }
}

extension NGramModel {
    /// The probability of `token` after `context`, read from the start, by the look-up.
    func probability(_ token: TokenID, after context: [TokenID]) -> Double {
        // An end token leaves the model at the start again.
        let context = context.isEmpty ? endToken.map { [$0] } ?? [] : context
        guard let nats = nats(context + [token]).last else { return .nan }
        return exp(nats)
    }
}
