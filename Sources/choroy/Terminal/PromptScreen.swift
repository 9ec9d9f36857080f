import ChoroyText

/// What has to be written so that a terminal shows a prompt and the text after it.
///
/// Rows end with line ends of their own, never by the terminal's wrapping: so it is known which rows a
/// terminal makes of them when it gets narrower. Sequences: ECMA-48, 8.3 (CUU, CUF, EL, ED, CUP).
package struct PromptScreen {
    private var columns: Int
    private var height: Int
    /// Widths of the rows on the screen, and where in them the cursor is.
    private var widths: [Int] = []
    private var cursor = (row: 0, column: 0)
    /// The first row that is shown of a text higher than the screen.
    private var top = 0

    package init(columns: Int, height: Int) {
        self.columns = max(columns, 2)
        self.height = max(height, 1)
    }

    /// Shows a text in the place of the one before.
    package mutating func draw(
        prompt: String, _ characters: [Character], cursor place: Int
    ) -> String {
        let layout = LineLayout(prompt: prompt, characters, cursor: place, columns: columns)
        let shown = min(layout.rows.count, height)
        top = min(max(top, layout.cursor.row - shown + 1), layout.cursor.row)
        top = min(top, layout.rows.count - shown)

        var output = Self.up(cursor.row) + "\r"
        for row in top..<top + shown {
            if row > top { output += "\r\n" }
            output += layout.text(of: row)
            // In a full row the erasure would take the last character.
            if layout.rows[row].width < columns { output += "\u{1B}[K" }
        }
        output += "\u{1B}[J"
        widths = layout.rows[top..<top + shown].map(\.width)
        cursor = (layout.cursor.row - top, layout.cursor.column)
        output += Self.up(shown - 1 - cursor.row) + "\r"
        if cursor.column > 0 { output += "\u{1B}[\(cursor.column)C" }
        return output
    }

    /// Leaves the text on the screen, with the cursor at the beginning of a fresh line.
    package mutating func leave() -> String {
        let below = max(0, widths.count - 1 - cursor.row)
        defer { forget() }
        return (below > 0 ? "\u{1B}[\(below)B" : "") + "\r\n"
    }

    /// Clears the screen; what is drawn next stands at its top.
    package mutating func clear() -> String {
        forget()
        return "\u{1B}[H\u{1B}[2J"
    }

    /// The terminal has this size; if it is another one, rows that no longer fit are broken now.
    package mutating func resize(columns: Int, height: Int) {
        guard max(columns, 2) != self.columns || max(height, 1) != self.height else { return }
        self.columns = max(columns, 2)
        self.height = max(height, 1)
        let above = widths.prefix(cursor.row).reduce(0) {
            $0 + max(1, ($1 + self.columns - 1) / self.columns)
        }
        let row = min(above + cursor.column / self.columns, self.height - 1)
        cursor = (row, cursor.column % self.columns)
    }

    /// Rows of words in columns, as a list of files is shown.
    package func list(_ words: [String]) -> String {
        let words = words.map(TerminalText.visible)
        let width = (words.map { DisplayWidth.of($0) }.max() ?? 0) + 2
        let count = max(1, columns / width)
        var output = ""
        for (index, word) in words.enumerated() {
            output += word
            let ends = index % count == count - 1 || index == words.count - 1
            output +=
                ends ? "\r\n" : String(repeating: " ", count: width - DisplayWidth.of(word))
        }
        return output
    }

    private mutating func forget() {
        widths = []
        cursor = (0, 0)
        top = 0
    }

    private static func up(_ rows: Int) -> String { rows > 0 ? "\u{1B}[\(rows)A" : "" }
}
