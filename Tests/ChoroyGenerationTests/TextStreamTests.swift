import ChoroyGeneration
import ChoroySystem
import Testing

@Suite struct `Streaming text` {
    /// The pieces of `bytes` when it arrives in parts that end at `cuts`.
    static func pieces(_ bytes: [UInt8], cuts: [Int], stops: [String] = []) -> [[UInt8]] {
        var stream = TextStream(stopStrings: stops)
        var pieces: [[UInt8]] = []
        var start = 0
        for end in cuts.sorted() + [bytes.count] {
            pieces.append(stream.append(Array(bytes[start..<end])))
            start = end
        }
        pieces.append(stream.finish())
        return pieces.filter { !$0.isEmpty }
    }

    @Test func `a character is shown when its last byte has come`() {
        var stream = TextStream()
        #expect(stream.append([0x61, 0xF0, 0x9F]) == [0x61])
        #expect(stream.append([0xA6]) == [])
        #expect(stream.append([0x9C, 0x62]) == [0xF0, 0x9F, 0xA6, 0x9C, 0x62])
        #expect(stream.finish() == [])
    }

    @Test(arguments: [
        ([0xED, 0xA0] as [UInt8], [0xED, 0xA0] as [UInt8]),  // a surrogate can never be completed
        ([0xC0], [0xC0]), ([0x80], [0x80]), ([0xF5, 0x80], [0xF5, 0x80]),
        ([0xE2, 0x80], []), ([0xF4, 0x90], [0xF4, 0x90]), ([0xF4, 0x8F, 0xBF], []),
        ([0xE2, 0x80, 0x41], [0xE2, 0x80, 0x41]),
    ])
    func `only what can become a character is kept back`(bytes: [UInt8], shown: [UInt8]) {
        var stream = TextStream()
        #expect(stream.append(bytes) == shown)
        #expect(shown + stream.finish() == bytes)
    }

    @Test func `a stop string across tokens ends the text before it`() {
        var stream = TextStream(stopStrings: ["\nUser:"])
        #expect(stream.append(Array("Hello\nUs".utf8)) == Array("Hello".utf8))
        #expect(stream.append(Array("e".utf8)) == [])
        #expect(stream.stop == nil)
        #expect(stream.append(Array("r: more".utf8)) == [])
        #expect(stream.stop == "\nUser:")
        #expect(stream.append(Array("more".utf8)) == [])
        #expect(stream.finish() == [])
        #expect(stream.count == 5)
    }

    @Test func `what only began like a stop string is shown`() {
        var stream = TextStream(stopStrings: ["\nUser:"])
        #expect(stream.append(Array("a\n\nUse".utf8)) == Array("a\n".utf8))
        #expect(stream.append(Array("d\nU".utf8)) == Array("\nUsed".utf8))
        #expect(stream.finish() == Array("\nU".utf8))
        #expect(stream.stop == nil)
    }

    @Test func `the stop string that is complete first wins`() {
        #expect(
            Self.pieces(Array("xabcd".utf8), cuts: [], stops: ["abcd", "bc"]) == [Array("xa".utf8)])
        #expect(
            Self.pieces(Array("xabcd".utf8), cuts: [], stops: ["cd", "abcd"]) == [Array("x".utf8)])
    }

    @Test func `the text does not depend on how it is cut into tokens`() {
        var random = SeededRandom(seed: 11)
        let alphabet = Array("ab\nU🦜é".utf8) + [0xFF, 0xE2, 0x80]
        let choices = [[], ["\nU"], ["aba", "bab", "b\n"], ["🦜a", "é"], ["", "a"]]
        for round in 0..<3000 {
            let stops = choices[round % choices.count]
            let bytes = (0..<random.below(40)).map { _ in alphabet[random.below(alphabet.count)] }
            let whole = Self.pieces(bytes, cuts: [], stops: stops).flatMap { $0 }
            let cuts = (0..<random.below(20)).map { _ in random.below(bytes.count + 1) }
            let pieces = Self.pieces(bytes, cuts: cuts, stops: stops)
            #expect(pieces.flatMap { $0 } == whole)
            let decoded = pieces.map { String(decoding: $0, as: UTF8.self) }.joined()
            #expect(Array(decoded.utf8) == Array(String(decoding: whole, as: UTF8.self).utf8))
        }
    }
}
