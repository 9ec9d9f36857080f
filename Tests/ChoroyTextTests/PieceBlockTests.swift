import CChoroyKernels
import ChoroySystem
import ChoroyText
import Testing

/// Long ASCII is cut by 64 bytes at a time, everything else piece by piece. Both must agree.
@Suite struct `Pieces of long text` {
    private static let words = [
        "a", "b", "S", "T", "s", "t", "re", "VE", "m", "ll", "D", "word", "Word", "WORD", "x9", "1",
        "12",
        "1948", "1234567", "'", "'", "'s", "'re", "'LL", "''", " ", " ", " ", "  ", "    ", "\t",
        "\n",
        "\n", "\r\n", "\n\n", " \n", ".", ",", "(", "()", "/", "//", "-----", "\0", "\u{7F}", "_",
    ]
    private static let wide = ["é", "中文", "\u{3000}", "\u{A0}", "ſ", "\u{301}", "٣", "😀", "’"]

    /// Text of many pieces; `share` of 100 words are not ASCII.
    private func text(_ random: inout SeededRandom, share: Int) -> [UInt8] {
        var text: [UInt8] = []
        while text.count < 4000 {
            let words = random.below(100) < share ? Self.wide : Self.words
            var word = words[random.below(words.count)]
            if random.below(40) == 0 { word = String(repeating: word, count: random.below(90)) }
            text += word.utf8
        }
        return text
    }

    /// A text shorter than 64 bytes is cut piece by piece, so each piece of a long text must be the first
    /// one of the 63 bytes from its start on, unless it comes close to their end.
    @Test(arguments: PreTokenizer.Pattern.allCases, [0, 1, 20])
    func `a piece is what it is in the next bytes alone`(
        _ pattern: PreTokenizer.Pattern, _ share: Int
    ) {
        let tokenizer = PreTokenizer(pattern)
        var random = SeededRandom(seed: 7)
        var compared = 0
        for _ in 0..<60 {
            let text = text(&random, share: share)
            let pieces = tokenizer.pieces(of: text)
            #expect(pieces.first?.lowerBound == 0 && pieces.last?.upperBound == text.count)
            var last = 0
            for piece in pieces {
                #expect(piece.lowerBound == last && !piece.isEmpty)
                last = piece.upperBound
                let window = Array(text[piece.lowerBound..<min(text.count, piece.lowerBound + 63)])
                let first = tokenizer.pieces(of: window)[0].count
                // Where a word of capitals ends may depend on all of it (o200k).
                let isSettled = window[first...].contains { (0x21...0x40).contains($0) }
                guard first < window.count - 8, !endsInSpace(window), isSettled else { continue }
                compared += 1
                if first != piece.count {
                    Issue.record(
                        "\(pattern) at \(piece): \(first) in \(String(decoding: window, as: UTF8.self).debugDescription)"
                    )
                    return
                }
            }
        }
        #expect(compared > 5_000)
    }

    /// White space up to the end of a text is another case than white space before more text.
    private func endsInSpace(_ bytes: [UInt8]) -> Bool {
        bytes.suffix(4).contains { $0 <= 0x20 || $0 >= 0x80 }
    }

    @Test func `byte classes are those of the characters, for each CPU type`() {
        let functions = unsafe [
            choroy_kernels_portable(), choroy_kernels_avx2(), choroy_kernels_avx512(),
        ].compactMap { unsafe $0?.pointee.byte_classes }
        for first in stride(from: 0, to: 256, by: 64) {
            let bytes = (first..<first + 64).map { UInt8($0) }
            func bits(_ holds: (Character) -> Bool) -> UInt64 {
                bytes.enumerated().reduce(0) { bits, byte in
                    let character = Character(Unicode.Scalar(byte.element))
                    return bits | (byte.element < 0x80 && holds(character) ? 1 << byte.offset : 0)
                }
            }
            for index in 0..<(unsafe functions.count) {
                var classes = ChoroyByteClasses()
                unsafe functions[index](bytes, &classes)
                #expect(classes.letters == bits(\.isLetter))
                #expect(classes.capitals == bits(\.isUppercase))
                #expect(classes.numbers == bits(\.isNumber))
                #expect(classes.spaces == bits(\.isWhitespace))
                #expect(classes.lines == bits { $0 == "\n" || $0 == "\r" })
                #expect(classes.blanks == bits { $0 == " " })
                #expect(classes.apostrophes == bits { $0 == "'" })
                #expect(classes.slashes == bits { $0 == "/" })
                #expect(classes.wide == (first < 128 ? 0 : UInt64.max))
            }
        }
    }
}
