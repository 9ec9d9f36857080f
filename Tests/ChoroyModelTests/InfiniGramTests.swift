import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `Infini-gram` {
    private static let text =
        "the cat sat on the mat.\nthe dog sat on the cat!\nno dog ate the mat\n"

    /// The published estimate by looking everywhere.
    private func naive(_ token: TokenID, after context: [TokenID], _ fixture: TextIndexFixture)
        -> (length: Int, total: Int, count: Int)
    {
        var length = context.count
        while length > 0, fixture.count(of: Array(context.suffix(length))) == 0 { length -= 1 }
        let end = Array(context.suffix(length))
        let total = (0..<TokenID(fixture.index.vocabulary.vocabularySize)).reduce(0) {
            $0 + fixture.count(of: end + [$1])
        }
        return (length, total, fixture.count(of: end + [token]))
    }

    @Test func `the longest end of a context decides, as published`() throws {
        var random = SeededRandom(seed: 6)
        let file = TextIndexFixture.noise(400, letters: "abc", &random)
        try TextIndexFixture.with([file]) { fixture in
            let model = InfiniGram(fixture.index)
            for _ in 0..<30 {
                let context = model.index.vocabulary.encode(
                    TextIndexFixture.noise(40, letters: "abc", &random)
                        + (file.dropFirst(100).prefix(Int.random(in: 0...20, using: &random))))
                var states = [model.initialState()]
                _ = model.logits([context], states: &states, at: .last)
                for token in [97, 98, 100] as [TokenID] {
                    #expect(
                        model.estimate(of: token, after: states[0])
                            == naive(token, after: context, fixture))
                }
            }
        }
    }

    @Test func `a worked example`() throws {
        // The text with its marks: # a b a c #, 6 tokens of a vocabulary of 257.
        try TextIndexFixture.with(["abac"]) { fixture in
            let model = InfiniGram(fixture.index)
            func nats(_ text: String) -> Double {
                let tokens = model.index.vocabulary.encode(text)
                var states = [model.initialState()]
                return model.logProbabilities([tokens], states: &states)[0].last ?? .nan
            }
            let (d, all) = (0.8, 1 / 257.0)
            // Counts # 2, a 2, b 1, c 1; what is taken from a 2 is 0.8·2^0.8.
            let two = d * pow(2, d)
            let rest = (2 * two + 2 * d) / 6
            let c = (1 - d) / 6 + rest * all
            // Behind a stand b and c, once each.
            #expect(abs(nats("ac") - log((1 - d) / 2 + d * c)) < 1e-12)
            #expect(abs(nats("ax") - log(d * rest * all)) < 1e-12)
            // Behind "ba" stands c; "zba" ends with it.
            let ac = (1 - d) / 2 + d * c
            #expect(abs(nats("zbac") - log(1 - d + d * ac)) < 1e-12)
        }
    }

    @Test(arguments: [NGramVocabulary.Unit.byte, .character, .word])
    func `probabilities sum to one, and are those that are looked up`(
        _ unit: NGramVocabulary.Unit
    ) throws {
        try TextIndexFixture.with([Self.text, "ü the cat\n"], unit: unit) { fixture in
            let model = InfiniGram(fixture.index)
            let size = TokenID(model.vocabularySize)
            for context in [
                "the cat", "a dog", "\n", "sat on the mat", "zzz", "no dog ate the mat\n",
            ] {
                let tokens = model.index.vocabulary.encode(context)
                guard !tokens.isEmpty else { continue }
                var states = [model.initialState()]
                let row = model.logits([tokens], states: &states, at: .last).row(0)
                var sum = 0.0
                for token in 0..<size {
                    var fresh = [model.initialState()]
                    let nats = model.logProbabilities([tokens + [token]], states: &fresh)[0]
                    // The row is of 32-bit floats.
                    #expect(abs(Double(row[Int(token)]) - nats[tokens.count - 1]) < 1e-5)
                    sum += exp(nats[tokens.count - 1])
                }
                #expect(abs(sum - 1) < 1e-9, "\(context) \(sum)")
            }
        }
    }

    @Test func `without an end of its own a text's mark is not predicted`() throws {
        let tokenizer = Tokenizer(bytesAnd: ["<|im_start|>"])
        try TextIndexFixture.with(["ab", "ab", "ac"], unit: .token, tokenizer: tokenizer) {
            fixture in
            let model = InfiniGram(fixture.index)
            for text in ["a", "ab", "b", "x"] {
                var states = [model.initialState()]
                let row = model.logits(
                    [tokenizer.encode(text)], states: &states, at: .last
                ).row(0)
                #expect(row.count == tokenizer.vocabularySize)
                #expect(abs(row.reduce(0) { $0 + exp(Double($1)) } - 1) < 1e-5)
            }
        }
    }

    @Test func `truncating equals never having read`() throws {
        try TextIndexFixture.with([Self.text]) { fixture in
            let model = InfiniGram(fixture.index)
            let tokens = model.index.vocabulary.encode("the dog sat on the cat! xx no dog")
            let next = model.index.vocabulary.encode(" ate the mat")
            var long = [model.initialState()]
            _ = model.logits([tokens], states: &long, at: .last)
            for count in (0...tokens.count).reversed() {
                long[0].truncate(to: count)
                #expect(long[0].count == count)
                var (forked, fresh) = (long, [model.initialState()])
                if count > 0 {
                    _ = model.logits([Array(tokens[..<count])], states: &fresh, at: .last)
                }
                #expect(
                    model.logProbabilities([next], states: &forked)
                        == model.logProbabilities([next], states: &fresh))
            }
        }
    }

    @Test(arguments: [1, 2, 5, 100]) func `a text in pieces scores as in one`(_ size: Int) throws {
        try TextIndexFixture.with([Self.text]) { fixture in
            let model = InfiniGram(fixture.index)
            let tokens = model.index.vocabulary.encode("the cat ate the dog\nthe dog sat on")
            var states = [model.initialState()]
            var pieces: [Double] = []
            for start in stride(from: 0, to: tokens.count - 1, by: size) {
                let piece = Array(tokens[start..<min(start + size + 1, tokens.count)])
                pieces += model.logProbabilities([piece], states: &states)[0]
            }
            var whole = [model.initialState()]
            #expect(pieces == model.logProbabilities([tokens], states: &whole)[0])
        }
    }
}
