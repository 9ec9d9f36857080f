import ChoroySystem
import TestSupport
import Testing

@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `The live curve` {
    /// A run of some seconds on a terminal of this size.
    static func withRun(
        columns: Int, rows: Int, environment: [String: String] = [:],
        _ body: (TerminalRun) throws -> Void
    ) throws {
        try TrainingFixture.withText { directory in
            let words = TrainingFixture.tiny.split(separator: " ").map(String.init)
            let run = try TerminalRun(
                ["train", FilePath.join(directory, "t.txt")] + words + [
                    "--evaluate-every", "100000", "--steps", "100000", "--output",
                    FilePath.join(directory, "o"),
                ], environment: environment, columns: columns, rows: rows)
            try body(run)
        }
    }

    static func hasDots(_ line: String) -> Bool {
        line.unicodeScalars.contains { 0x2801...0x28FF ~= $0.value }
    }

    /// Chart and line as one block, and above it only what was said before.
    static func isDrawn(_ display: TerminalScreen) -> Bool {
        let lines = display.lines
        guard let title = lines.firstIndex(where: { $0.hasPrefix("loss (nats per token)") }),
            title + 9 < lines.count
        else { return false }
        return lines[title + 9].hasPrefix("training ")
            && lines[title + 1...title + 6].contains(where: hasDots)
            && lines[..<title].allSatisfy { !hasDots($0) && !$0.hasPrefix("training ") }
    }

    @Test func `is redrawn in its place, and a signal leaves nothing of it`() throws {
        try Self.withRun(columns: 80, rows: 30) { run in
            #expect(run.sees(Self.isDrawn), "\(run.display.text)")
            let before = run.display.text
            #expect(run.sees { Self.isDrawn($0) && $0.text != before }, "\(run.display.text)")
            run.send(2)
            #expect(run.end() == 130)
            let lines = run.display.lines.filter { !$0.isEmpty }
            #expect(lines.last?.hasPrefix("stopped after step ") == true, "\(lines)")
            #expect(!lines.contains { Self.hasDots($0) || $0.hasPrefix("training ") }, "\(lines)")
            #expect(run.display.violations == [])
        }
    }

    @Test func `survives a window that becomes narrower`() throws {
        try Self.withRun(columns: 100, rows: 40) { run in
            #expect(run.sees(Self.isDrawn), "\(run.display.text)")
            run.resize(columns: 60, rows: 40)
            #expect(
                run.sees { Self.isDrawn($0) && $0.lines.allSatisfy { $0.count <= 60 } },
                "\(run.display.text)")
            run.send(15)
            #expect(run.end() == 143)
            #expect(!run.display.lines.contains(where: Self.hasDots), "\(run.display.text)")
        }
    }

    @Test(arguments: [(40, 30, "xterm"), (80, 12, "xterm"), (80, 30, "dumb")])
    func `is left out where there is no room or no cursor`(
        columns: Int, rows: Int, terminal: String
    ) throws {
        try Self.withRun(columns: columns, rows: rows, environment: ["TERM": terminal]) { run in
            #expect(run.sees { $0.text.contains("training  ") }, "\(run.display.text)")
            let first = run.display.text
            #expect(run.sees { $0.text.contains("training  ") && $0.text != first })
            #expect(!run.display.lines.contains(where: Self.hasDots))
            run.send(2)
            #expect(run.end() == 130)
        }
    }
}
