import ChoroyText
import Testing
import choroy

@Suite struct `The message at the prompt` {
    private func editing(
        _ keys: [Key], text: String = "", entries: [String] = [], _ words: [String] = []
    ) -> (editing: Editing, last: Editing.Outcome) {
        var editing = Editing(text: text, entries: entries)
        var outcome = Editing.Outcome.goOn
        for key in keys { outcome = editing.take(key) { _, _ in words } }
        return (editing, outcome)
    }

    @Test func `is sent with Enter, and given up with Ctrl-C and Ctrl-D`() {
        #expect(editing([.text("hi"), .enter]).last == .send("hi"))
        #expect(editing([.enter], text: "prepared").last == .send("prepared"))
        #expect(editing([.text("hi"), .interrupt]).last == .interrupted)
        #expect(editing([.endOfInput]).last == .end)
        let deleted = editing([.text("hi"), .home, .endOfInput])
        #expect(deleted.last == .goOn && deleted.editing.buffer.text == "i")
        let open = editing([.text("a\\"), .enter, .text("b"), .enter])
        #expect(open.last == .send("a\nb"))
        let quoted = editing([
            .text("\"\"\"ac"), .left, .enter, .text("b"), .end, .text("\"\"\""), .enter,
        ])
        #expect(quoted.last == .send("a\nbc"))
    }

    @Test func `the history goes back and forth and keeps the draft`() {
        let entries = ["one", "two\nlines", "three"]
        #expect(editing([.text("d"), .up], entries: entries).editing.buffer.text == "three")
        let first = editing([.up, .up, .up, .up, .up, .up], entries: entries)
        #expect(first.editing.buffer.text == "one")
        let draft = editing(
            [.text("draft"), .up, .text("x"), .up, .down, .down, .down], entries: entries)
        #expect(draft.editing.buffer.text == "draft")
        #expect(
            editing([.previous, .previous], entries: entries).editing.buffer.text == "two\nlines")
        #expect(editing([.up, .down, .next], entries: []).editing.buffer.text == "")
    }

    @Test func `Ctrl-R finds older and older entries`() {
        let entries = ["make tea", "boil water", "make coffee", "drink"]
        let search: [Key] = [.text("draft"), .search, .text("ma"), .text("ke")]
        let found = editing(search, entries: entries).editing
        #expect(found.buffer.text == "make coffee" && found.searchPrompt == "(search: make) ")
        let older = editing(search + [.search], entries: entries).editing
        #expect(older.buffer.text == "make tea")
        let none = editing(search + [.search, .search], entries: entries).editing
        #expect(none.searchPrompt == "(not found: make) " && none.buffer.text == "make tea")
        #expect(editing(search + [.cancel], entries: entries).editing.buffer.text == "draft")
        #expect(editing(search + [.enter], entries: entries).last == .send("make coffee"))
        let edited = editing(search + [.escape, .text("!"), .down, .down], entries: entries).editing
        #expect(edited.searchPrompt == nil && edited.buffer.text == "draft")
        let shorter = editing(
            search + [.backspace, .backspace, .backspace, .backspace], entries: entries)
        #expect(shorter.editing.buffer.text == "draft")
        #expect(editing([.search, .search, .text("x")], entries: []).editing.buffer.text == "")
        let visible = editing([.search, .text("\u{9B}31m")], entries: []).editing
        #expect(visible.searchPrompt == "(not found: \\u{9b}31m) ")
    }

    @Test func `Tab completes as far as the candidates agree, a second one lists them`() {
        let words = ["/clear", "/close", "/help"]
        #expect(editing([.text("/h"), .tab], words).editing.buffer.text == "/help ")
        #expect(editing([.text("/c"), .tab], words).editing.buffer.text == "/cl")
        let listed = editing([.text("/c"), .tab, .tab], words)
        #expect(listed.last == .list(["/clear", "/close"]) && listed.editing.buffer.text == "/cl")
        #expect(editing([.text("/x"), .tab, .tab], words).last == .goOn)
        let middle = editing([.text("/load no"), .tab], ["notes/", "other"])
        #expect(middle.editing.buffer.text == "/load notes/")
        #expect(editing([.text("a"), .tab], []).editing.buffer.text == "a")
    }
}

@Suite struct `The prompt on the screen` {
    private func layout(_ text: String, _ columns: Int, prompt: String = "> ", cursor: Int? = nil)
        -> LineLayout
    {
        let characters = Array(text)
        return LineLayout(
            prompt: prompt, continuation: ". ", characters, cursor: cursor ?? characters.count,
            columns: columns)
    }

    @Test(arguments: [
        ("", ["> "], 0, 2), ("abc", ["> abc"], 0, 5), ("abcdefgh", ["> abcdefgh", ""], 1, 0),
        ("abcdefghi", ["> abcdefgh", "i"], 1, 1), ("a\nb", ["> a", ". b"], 1, 3),
        ("abcdefgh\n", ["> abcdefgh", ". "], 1, 2), ("abcdefg안", ["> abcdefg", "안"], 1, 2),
        ("abcdef안", ["> abcdef안", ""], 1, 0), ("a\tb", ["> a     b"], 0, 9),
        ("\u{1B}x", ["> \\x1bx"], 0, 7), ("e\u{301}", ["> e\u{301}"], 0, 3),
        ("\n\n", ["> ", ". ", ". "], 2, 2),
    ])
    func `breaks lines at the edge`(text: String, rows: [String], row: Int, column: Int) {
        let layout = layout(text, 10)
        #expect(layout.rows.indices.map { layout.text(of: $0) } == rows)
        #expect(layout.cursor == (row, column))
        for (index, row) in rows.enumerated() {
            #expect(
                DisplayWidth.of(row) == layout.rows[index].width && layout.rows[index].width <= 10)
        }
    }

    @Test func `a terminal narrower than the prompt still shows the text`() {
        for columns in 1...6 {
            let layout = layout("안녕\u{202E}", columns, prompt: "long prompt> ")
            let width = max(columns, 2)
            #expect(layout.rows.allSatisfy { $0.width <= width } && layout.cursor.column < width)
        }
    }

    /// What a person sees after texts were drawn one after the other.
    @Test(arguments: [5, 10, 33, 80])
    func `shows the last of any row of texts`(columns: Int) {
        let texts = [
            "hello", "hello world, how are you", "", "one\ntwo\nthree", "안녕하세요 세계 🦜🦜🦜", "x\n\n\ny",
            String(repeating: "=", count: columns - 2), "\u{1B}]0;t\u{7}",
        ]
        var screen = PromptScreen(columns: columns, height: 24)
        var display = TerminalScreen(columns: columns, rows: 24)
        for (index, text) in texts.enumerated() {
            for place in [text.count, 0, text.count / 2] {
                display.feed(screen.draw(prompt: "> ", Array(text), cursor: place))
                let expected = LineLayout(
                    prompt: "> ", Array(text), cursor: place, columns: columns)
                let rows = expected.rows.indices.map { row in
                    let text = expected.text(of: row)
                    return String(text.reversed().drop { $0 == " " }.reversed())
                }
                #expect(Array(display.lines.prefix(rows.count)) == rows, "text \(index)")
                #expect(display.lines.dropFirst(rows.count).allSatisfy { $0 == "" })
                #expect(display.cursor == expected.cursor)
            }
        }
        #expect(display.violations == [])
    }

    @Test func `a text higher than the screen shows the part with the cursor`() {
        var screen = PromptScreen(columns: 20, height: 5)
        var display = TerminalScreen(columns: 20, rows: 5)
        display.feed("before\r\n")
        let text = Array((1...30).map { "line \($0)" }.joined(separator: "\n"))
        display.feed(screen.draw(prompt: "> ", text, cursor: text.count))
        #expect(display.lines.last == "... line 30" && display.cursor == (4, 11))
        display.feed(screen.draw(prompt: "> ", text, cursor: 0))
        #expect(display.lines.first == "> line 1" && display.cursor == (0, 2))
        display.feed(screen.leave() + "after")
        #expect(display.lines.last == "after" && display.lines.first == "... line 2")
    }

    @Test func `a narrower window hides nothing of what stood before`() {
        var screen = PromptScreen(columns: 40, height: 10)
        var display = TerminalScreen(columns: 40, rows: 10)
        display.feed("before\r\n")
        let text = Array(String(repeating: "0123456789", count: 7))
        display.feed(screen.draw(prompt: "> ", text, cursor: text.count))
        for columns in [25, 13, 60] {
            display.resize(columns: columns, rows: 10)
            screen.resize(columns: columns, height: 10)
            display.feed(screen.draw(prompt: "> ", text, cursor: text.count))
            let lines = display.scrolled + display.lines.filter { $0 != "" }
            #expect(lines.first == "before" && lines.dropFirst().joined() == "> \(String(text))")
        }
    }
}
