import Testing
import choroy

@Suite struct `A text being edited` {
    /// The text with "|" for the cursor.
    private func shown(_ buffer: LineBuffer) -> String {
        String(buffer.characters[..<buffer.cursor]) + "|"
            + String(buffer.characters[buffer.cursor...])
    }

    /// A buffer whose cursor is where "|" is.
    private func buffer(_ text: String) -> LineBuffer {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false)
        var buffer = LineBuffer(parts.joined())
        let target = parts[0].count
        while buffer.cursor > target { buffer.moveLeft() }
        return buffer
    }

    @Test(arguments: [
        ("|", "ab", "ab|"), ("a|c", "b", "ab|c"), ("e|x", "\u{301}", "e\u{301}|x"),
        ("a|", "\r\nb\rc", "a\nb\nc|"),
        ("👩|!", "\u{200D}👧", "👩\u{200D}👧|!"), ("a\n|", "\n", "a\n\n|"),
    ])
    func `grows by characters as a reader counts them`(text: String, more: String, result: String) {
        var buffer = buffer(text)
        buffer.insert(more)
        #expect(shown(buffer) == result)
    }

    @Test(arguments: [
        ("ab|c", "a|c", "ab|"), ("|ab", "|ab", "|b"), ("ab|", "a|", "ab|"),
        ("e\u{301}|🦜", "|🦜", "e\u{301}|"), ("a\n|b", "a|b", "a\n|"),
    ])
    func `loses the character before or after the cursor`(
        text: String, before: String, after: String
    ) {
        var (first, second) = (buffer(text), buffer(text))
        first.deleteBackward()
        second.deleteForward()
        #expect(shown(first) == before && shown(second) == after)
    }

    @Test func `moves by characters, words and lines`() {
        var text = buffer("two words,\nthé 2nd l|ine")
        text.moveWordLeft()
        #expect(shown(text) == "two words,\nthé 2nd |line")
        text.moveWordLeft()
        text.moveWordLeft()
        text.moveWordLeft()
        #expect(shown(text) == "two |words,\nthé 2nd line")
        text.moveWordRight()
        #expect(shown(text) == "two words|,\nthé 2nd line")
        text.moveToLineEnd()
        #expect(shown(text) == "two words,|\nthé 2nd line")
        text.moveRight()
        text.moveToLineEnd()
        text.moveRight()
        #expect(shown(text) == "two words,\nthé 2nd line|")
        text.moveToLineStart()
        #expect(shown(text) == "two words,\n|thé 2nd line")
    }

    @Test func `going up and down keeps the column over shorter lines`() {
        var text = buffer("long line\n\nshort\nlonger li|ne")
        var found: [String] = []
        while text.moveUp() { found.append(shown(text)) }
        #expect(
            found == [
                "long line\n\nshort|\nlonger line", "long line\n|\nshort\nlonger line",
                "long line|\n\nshort\nlonger line",
            ])
        var lines = 0
        while text.moveDown() { lines += 1 }
        #expect(lines == 3 && shown(text) == "long line\n\nshort\nlonger li|ne")
    }

    @Test func `cuts to the ends of a line and by words, and yanks`() {
        var text = buffer("one two|three\nfour")
        text.cutToLineEnd()
        #expect(shown(text) == "one two|\nfour")
        // Cuts in a row are one piece; at the end of a line its end goes.
        text.cutToLineEnd()
        #expect(shown(text) == "one two|four")
        text.cutWordBackward()
        #expect(shown(text) == "one |four")
        text.moveToLineEnd()
        text.yank()
        #expect(shown(text) == "one fourtwothree\n|")
        text.deleteBackward()
        text.cutToLineStart()
        #expect(shown(text) == "|")
        text.yank()
        text.insert(" path/to-file")
        text.cutLettersBackward()
        #expect(shown(text) == "one fourtwothree path/to-|")
        text.cutWordBackward()
        #expect(shown(text) == "one fourtwothree |")
        text.yank()
        #expect(shown(text) == "one fourtwothree path/to-file|")
        text.moveWordLeft()
        text.cutLettersForward()
        #expect(shown(text) == "one fourtwothree path/to-|" && text.cut == Array("file"))
    }

    @Test(arguments: [
        ("ab|", "ba|"), ("a|bc", "ba|c"), ("|ab", "|ab"), ("a|", "a|"), ("a\nbc|", "a\ncb|"),
        ("ab|\nc", "ba|\nc"), ("x\n|ab", "x\n|ab"),
    ])
    func `changes neighbours of one line`(text: String, result: String) {
        var buffer = buffer(text)
        buffer.transpose()
        #expect(shown(buffer) == result)
    }

    @Test func `takes ten million characters in a few seconds`() {
        var text = LineBuffer("ab")
        text.moveLeft()
        text.insert(String(repeating: "lorem ipsum\n", count: 10_000_000 / 12))
        #expect(text.characters.count == 9_999_996 + 2 && text.cursor == 9_999_997)
    }
}

@Suite struct `Messages of several lines` {
    @Test(arguments: [
        ("plain", "plain"), ("", ""), ("a\nb", "a\nb"), ("\"\"\"a\nb\"\"\"", "a\nb"),
        ("\"\"\"\na\n\"\"\"", "a"), ("\"\"\"\"\"\"", ""),
        ("/system \"\"\"a\nb\"\"\"", "/system a\nb"),
        ("what is \"\"\"?", "what is \"\"\"?"), ("  \"\"\"a\"\"\" b", "  a b"),
        ("a\\\\ b", "a\\\\ b"),
    ])
    func `end without their marks`(text: String, message: String) {
        #expect(OpenLines.state(of: text) == .complete(message))
    }

    @Test(arguments: [
        ("a\\", "a\n"), ("\"\"\"", "\"\"\"\n"), ("\"\"\"a", "\"\"\"a\n"),
        ("/system \"\"\"a", "/system \"\"\"a\n"), ("\\", "\n"),
    ])
    func `stay open`(text: String, more: String) {
        #expect(OpenLines.state(of: text) == .open(more))
    }
}
