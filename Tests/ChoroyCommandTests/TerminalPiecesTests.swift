import Testing
import choroy

@Suite struct `Text on a terminal` {
    @Test(arguments: [
        ("plain\ttext\n안녕 🦜 é", "plain\ttext\n안녕 🦜 é"),
        ("\u{1B}[31mred\u{7}", "\\x1b[31mred\\x07"),
        ("\u{1B}]52;c;aGk=\u{7}", "\\x1b]52;c;aGk=\\x07"),
        ("\u{1B}]8;;http://a\u{1B}\\", "\\x1b]8;;http://a\\x1b\\"),
        ("\u{1B}[2J\u{1B}[1A\u{1B}[K\u{1B}c", "\\x1b[2J\\x1b[1A\\x1b[K\\x1bc"),
        ("\u{1B}P$q\"p\u{1B}\\", "\\x1bP$q\"p\\x1b\\"),
        ("over\rwritten\u{8}\u{8}", "over\\x0dwritten\\x08\\x08"),
        ("\r\n", "\\x0d\n"),
        ("\u{0}\u{7F}", "\\x00\\x7f"),
        ("\u{9B}31m\u{9D}0;t\u{9C}", "\\u{9b}31m\\u{9d}0;t\\u{9c}"),
        ("\u{202E}abc\u{2066}d\u{2069}", "\\u{202e}abc\\u{2066}d\\u{2069}"),
        ("a\u{E0041}\u{E007F}", "a\\u{e0041}\\u{e007f}"),
        ("e\u{1B}", "e\\x1b"),
    ])
    func `shows what would control it`(text: String, shown: String) {
        #expect(TerminalText.visible(text) == shown)
    }

    @Test func `holds no control character whatever comes`() {
        let all = (0..<0x3000).compactMap(Unicode.Scalar.init)
        let shown = TerminalText.visible(String(String.UnicodeScalarView(all)))
        let controls = shown.unicodeScalars.filter {
            $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t"
        }
        #expect(controls.isEmpty)
    }
}

@Suite struct `Numbers for people` {
    @Test(arguments: [
        (2.345, 1, "2.3"), (0.05, 2, "0.05"), (-0.001, 2, "0.00"), (9.99, 1, "10.0"),
        (7.0, 0, "7"), (-1234.5, 1, "-1234.5"), (1.006, 2, "1.01"),
    ])
    func `have the decimals asked for`(value: Double, decimals: Int, text: String) {
        #expect(Figures.decimal(value, decimals) == text)
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"),
        (Int.min, "-9,223,372,036,854,775,808"),
    ])
    func `are grouped by three`(value: Int, text: String) {
        #expect(Figures.grouped(value) == text)
    }

    @Test(arguments: [
        (0.4, "0 s"), (59.6, "1:00"), (187, "3:07"), (3753, "1:02:33"), (.nan, "?"),
        (.infinity, "?"),
    ])
    func `of time are read as clocks`(seconds: Double, text: String) {
        #expect(Figures.duration(seconds) == text)
    }
}

@Suite struct `Progress lines` {
    @Test func `tell share, amount, rate and time left`() {
        let line = ProgressLine(
            label: "training", done: 1200, total: 3000, unit: "steps", seconds: 50,
            details: "loss 2.31")
        #expect(
            line.text == "training  40 %, 1,200 steps, 24.0 steps/s, 1:15 left, loss 2.31")
    }

    @Test func `leave out what is not known`() {
        let line = ProgressLine(
            label: "reading", done: 500_000, total: 0, unit: "bytes", seconds: 2)
        #expect(line.text == "reading  500,000 bytes, 250,000 bytes/s")
    }
}

@Suite struct `Charts` {
    @Test func `a falling line of ASCII`() {
        let chart = Chart(
            [(0, 4), (1, 3), (2, 2), (3, 1)], title: "loss", width: 4, height: 4, isPlain: true)
        #expect(
            chart.lines == [
                "loss",
                "4 |*   ",
                "  | *  ",
                "  |  * ",
                "1 |   *",
                "  +----",
                "   0  3",
            ])
    }

    @Test func `steep parts stay connected`() {
        let chart = Chart(
            [(0, 0), (1, 0), (2, 3), (3, 3)], title: "", width: 4, height: 4, isPlain: true)
        #expect(Array(chart.lines[1...4]) == ["3 |  **", "  |  * ", "  |  * ", "0 |**  "])
    }

    @Test func `braille has eight dots in a cell`() {
        // A rise over 2 × 4 dots: the left column the lowest dot, the right column the three above.
        let chart = Chart([(0, 0), (1, 1)], title: "up", width: 1, height: 1)
        #expect(chart.lines[1] == "1 │\u{2878}" || chart.lines[1] == "0 │\u{2878}")
        let flat = Chart([(0, 1), (9, 1)], title: "flat", width: 3, height: 2)
        let cells = flat.lines[1...2].joined().unicodeScalars
        #expect(cells.filter { (0x2801...0x28FF).contains($0.value) }.count == 3)
    }

    @Test(arguments: [0, 1, 2, 7, 5000], [true, false])
    func `every line has the same width whatever the points`(count: Int, isPlain: Bool) {
        var points: [(x: Double, y: Double)] = [(.nan, 1), (1, .infinity)]
        for index in 0..<count {
            points.append((Double(index * index), Double((index * 7919) % 101) - 50.5))
        }
        let chart = Chart(
            points, title: "t", width: 20, height: 5, isPlain: isPlain
        )
        guard count > 0 else {
            #expect(chart.lines == ["t", "(nothing to draw)"])
            return
        }
        #expect(chart.lines.count == 1 + 5 + 2)
        #expect(Set(chart.lines[1...5].map { $0.count }).count == 1)
        #expect(isPlain == chart.lines[1...6].allSatisfy { $0.utf8.allSatisfy { $0 < 128 } })
    }
}
