import Testing
import choroy

@Suite struct `Word wrap` {
    private func wrapped(_ text: String, _ columns: Int, pieces: Int = .max) -> String {
        var wrap = WordWrap(columns: columns)
        var result = ""
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            let piece = rest.prefix(pieces)
            rest = rest.dropFirst(piece.count)
            result += wrap.append(String(piece))
        }
        return result + wrap.finish()
    }

    static let cases: [(String, String)] = [
        ("short", "short"),
        ("one two three four", "one two\nthree four"),
        ("one two\nthree four", "one two\nthree four"),
        ("1234567890 next", "1234567890\nnext"),
        ("12345678901234 next", "12345678901234 next"),
        ("123456789012345 next", "123456789012345 next"),
        ("1234567890123456 next", "1234567890123456\nnext"),
        ("abc 123456789012 x", "abc\n123456789012 x"),
        ("a\n\n\nb", "a\n\n\nb"),
        ("  indented text", "  indented\ntext"),
        ("안녕하세요안녕", "안녕하세요\n안녕"),
        ("ab 안녕하세요", "ab 안녕하\n세요"),
        (
            "👩\u{200D}👧👩\u{200D}👧👩\u{200D}👧👩\u{200D}👧👩\u{200D}👧👩\u{200D}👧",
            "👩\u{200D}👧👩\u{200D}👧👩\u{200D}👧👩\u{200D}👧👩\u{200D}👧\n👩\u{200D}👧"
        ),
        (
            "e\u{301}e\u{301}e\u{301}e\u{301} e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}",
            "e\u{301}e\u{301}e\u{301}e\u{301}\ne\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}"
        ),
        ("a\tb c d", "a\tb\nc d"),
        (
            "text:\n```swift\nlet long = line of code\n```\nand more words",
            "text:\n```swift\nlet long = line of code\n```\nand more\nwords"
        ),
        (
            "``` a b c d e f g\nx x x x x x x x\n```\nx x x x x x x x",
            "``` a b c d e f g\nx x x x x x x x\n```\nx x x x x\nx x x"
        ),
        ("is ``` a mark of code", "is ``` a\nmark of\ncode"),
        ("1234567890\nx", "1234567890\nx"),
        ("123456789  x", "123456789\nx"),
        ("", ""),
    ]

    @Test(arguments: cases)
    func `breaks between words, however the text comes`(text: String, result: String) {
        #expect(wrapped(text, 10) == result)
        for pieces in 1...5 { #expect(wrapped(text, 10, pieces: pieces) == result) }
    }

    @Test func `gives a word as soon as it is complete`() {
        var wrap = WordWrap(columns: 20)
        #expect(wrap.append("one tw") == "one")
        #expect(wrap.append("o ") == "")
        #expect(wrap.append("three\n") == " two three\n")
        #expect(wrap.append("x") == "" && wrap.finish() == "x")
    }

    @Test func `adds and drops nothing but blanks and line ends`() {
        let bytes = (0..<4000).map { (index: Int) -> UInt8 in
            let number = index * index * 31 + index * 7
            return 32 + UInt8(number % 95)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        for columns in [1, 2, 7, 80] {
            let blank: (Character) -> Bool = { $0 == " " || $0 == "\n" }
            #expect(
                wrapped(text, columns, pieces: 3).filter { !blank($0) }
                    == text.filter { !blank($0) })
        }
    }

    @Test func `never breaks without a width`() {
        let text = String(repeating: "word ", count: 1000) + "end"
        #expect(wrapped(text, .max, pieces: 7) == text)
    }

    @Test func `a new width holds from the next word on`() {
        var wrap = WordWrap(columns: 20)
        var text = wrap.append("one two three ")
        wrap.columns = 10
        text += wrap.append("four five six ") + wrap.finish()
        #expect(text == "one two\nthree four\nfive six ")
    }

    @Test func `styles take no columns and end with their words`() {
        let red = TextStyle(color: .red)
        var wrap = WordWrap(columns: 10, styles: StyleWriter(isOn: true))
        let text =
            wrap.append("one ") + wrap.append("two th", style: red) + wrap.append("ree")
            + wrap.finish()
        #expect(text == "one \u{1B}[31mtwo\u{1B}[0m\n\u{1B}[31mth\u{1B}[0mree")
        var plain = WordWrap(columns: 10, styles: StyleWriter(isOn: false))
        #expect(plain.append("one ", style: red) + plain.finish() == "one ")
    }

    @Test func `code that is left open ends with its text`() {
        var wrap = WordWrap(columns: 10)
        _ = wrap.append("```\ncode that is not closed") + wrap.finish() + wrap.append("\n")
        #expect(wrap.append("one two three four") + wrap.finish() == "one two\nthree four")
    }
}

@Suite struct `Styles` {
    @Test(arguments: [
        (TextStyle.bold, "\u{1B}[1mx\u{1B}[0m"), (.dim, "\u{1B}[2mx\u{1B}[0m"), (.plain, "x"),
        (TextStyle(bold: true, color: .cyan), "\u{1B}[1;36mx\u{1B}[0m"),
        (TextStyle(color: .palette(208)), "\u{1B}[38;5;208mx\u{1B}[0m"),
    ])
    func `are written only where they are wanted`(style: TextStyle, text: String) {
        #expect(StyleWriter(isOn: true).styled("x", style) == text)
        #expect(StyleWriter(isOn: false).styled("x", style) == "x")
        #expect(StyleWriter(isOn: true).styled("", style) == "")
    }
}
