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

@Suite struct `N-gram model` {
    static let text = "the cat sat on the mat.\nthe dog sat on the cat!\nno dog ate the mat\n"
    let vocabulary: NGramVocabulary
    let model: NGramModel

    init() {
        (vocabulary, model) = `Modified Kneser-Ney`.model(Self.text, unit: .character, order: 4)
    }

    @Test func `logits are the look-up's numbers, for ragged sequences`() {
        let sequences = ["the c", "x", "no dog sat"].map { vocabulary.encode($0) }
        var states = sequences.map { _ in model.initialState() }
        let rows = model.logits(sequences, states: &states, at: .all)
        #expect(rows.shape == [16, model.vocabularySize])
        #expect(states.map(\.count) == [5, 1, 10])
        var row = 0
        for sequence in sequences {
            for end in 1...sequence.count {
                let values = rows.row(row)
                for token in stride(from: 0, to: TokenID(model.vocabularySize), by: 7) {
                    let nats = model.nats(Array(sequence[..<end]) + [token])
                    #expect(abs(Double(values[Int(token)]) - nats[end - 1]) < 1e-5)
                }
                row += 1
            }
        }
        var again = sequences.map { _ in model.initialState() }
        let last = model.logits(sequences, states: &again, at: .last)
        #expect(last.shape == [3, model.vocabularySize])
        #expect([0, 1, 2].map { last.row($0) } == [4, 5, 15].map { rows.row($0) })
    }

    @Test func `truncating equals never having read`() {
        let tokens = vocabulary.encode("the dog sat on")
        let next = vocabulary.encode("the ")
        var long = [model.initialState()]
        _ = model.logits([tokens], states: &long, at: .last)
        for count in (0...tokens.count).reversed() {
            long[0].truncate(to: count)
            #expect(long[0].count == count)
            var forked = long
            var fresh = [model.initialState()]
            if count > 0 {
                _ = model.logits([Array(tokens[..<count])], states: &fresh, at: .last)
            }
            #expect(
                model.logProbabilities([next], states: &forked)
                    == model.logProbabilities([next], states: &fresh))
        }
    }

    @Test(arguments: [1, 2, 5, 100]) func `a text in pieces scores as in one`(_ size: Int) {
        let tokens = vocabulary.encode(Self.text)
        var states = [model.initialState()]
        var pieces: [Double] = []
        for start in stride(from: 0, to: tokens.count - 1, by: size) {
            let piece = Array(tokens[start..<min(start + size + 1, tokens.count)])
            pieces += model.logProbabilities([piece], states: &states)[0]
        }
        #expect(pieces == model.nats(tokens))
    }

    @Test func `the default log-probabilities agree with the look-up`() {
        let wrapped = LogitsOnly(model: model)
        let sequences = ["the cat sat", "", "n", "xyz on"].map { vocabulary.encode($0) }
        var states = sequences.map { _ in model.initialState() }
        var wrappedStates = states
        let expected = model.logProbabilities(sequences, states: &states)
        let found = wrapped.logProbabilities(sequences, states: &wrappedStates)
        #expect(found.map(\.count) == [10, 0, 0, 5])
        #expect(states.map(\.count) == wrappedStates.map(\.count))
        for (a, b) in zip(expected.joined(), found.joined()) { #expect(abs(a - b) < 1e-5) }
    }

    @Test func `text of any bytes comes back from every vocabulary but words`() {
        let texts = [Self.text, "sät ☃ 😉 \u{2581}<0x41></s>\u{0}\r\n\t"]
        let bytes =
            texts.map { Array($0.utf8) } + [
                [0xFF, 0xE2, 0x98, 0x41, 0xF5, 0xC0, 0x80, 0xED, 0xA0, 0x80]
            ]
        let seen = Array("☃ä".utf8)
        for vocabulary in [.bytes, NGramVocabulary.characters(of: [seen[...]])] {
            for text in bytes { #expect(vocabulary.decode(vocabulary.encode(text)) == text) }
        }
        let characters = NGramVocabulary.characters(of: [seen[...]])
        #expect(characters.encode("ä☃ö").count == 4)
    }

    @Test func `words are what stands between white space, and a line end is a token`() {
        let (words, _) = NGramVocabulary.words(of: [Array("a  bc\t\n\nd".utf8)[...]])
        #expect(words.encode(" a\r\n\nbc zz <s> d") == [2, 1, 1, 3, 0, 4])
        #expect(String(decoding: words.decode([2, 3, 1, 4]), as: UTF8.self) == "a bc \nd ")
    }
}

/// A model that leaves log-probabilities to the protocol's default.
private struct LogitsOnly: LanguageModel {
    let model: NGramModel
    var vocabularySize: Int { model.vocabularySize }
    func initialState() -> NGramState { model.initialState() }
    func logits(
        _ tokens: [[TokenID]], states: inout [NGramState], at positions: Positions
    ) -> Tensor { model.logits(tokens, states: &states, at: positions) }
}
