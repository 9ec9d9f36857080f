import ChoroyText

/// Where the characters of a text that is being edited stand on a terminal.
package struct LineLayout {
    package struct Row: Equatable {
        /// What stands before the text: the prompt in the first row.
        var prefix: String
        var range: Range<Int>
        /// Columns the row takes, the prefix with it.
        package var width: Int
    }

    package private(set) var rows: [Row] = []
    /// The row and the column of the cursor.
    package private(set) var cursor = (row: 0, column: 0)
    private let characters: [Character]
    private let columns: Int

    /// `prompt` stands before the first line, `continuation` before the others; what is longer than a
    /// row goes on at the beginning of the next.
    package init(
        prompt: String, continuation: String = "... ", _ characters: [Character], cursor place: Int,
        columns: Int
    ) {
        self.characters = characters
        self.columns = max(columns, 2)
        var row = Row(prefix: fitting(prompt), range: 0..<0, width: 0)
        row.width = DisplayWidth.of(row.prefix)
        for (index, character) in characters.enumerated() {
            if character == "\n" {
                if index == place { setCursor(&row, index) }
                end(row, index)
                row = Row(prefix: fitting(continuation), range: index + 1..<index + 1, width: 0)
                row.width = DisplayWidth.of(row.prefix)
                continue
            }
            var width = cell(character, at: row.width).width
            if row.width + width > self.columns {
                end(row, index)
                row = Row(prefix: "", range: index..<index, width: 0)
                width = cell(character, at: 0).width
            }
            if index == place { cursor = (rows.count, row.width) }
            row.width += width
        }
        if place == characters.count { setCursor(&row, characters.count) }
        end(row, characters.count)
    }

    /// The text of a row, fit for a terminal.
    package func text(of index: Int) -> String {
        let row = rows[index]
        var text = row.prefix
        var column = DisplayWidth.of(text)
        for character in characters[row.range] {
            let cell = cell(character, at: column)
            text += cell.text
            column += cell.width
        }
        return text
    }

    /// The cursor after the last character of a row, or in the next row when this one is full.
    private mutating func setCursor(_ row: inout Row, _ index: Int) {
        if row.width >= columns {
            end(row, index)
            row = Row(prefix: "", range: index..<index, width: 0)
        }
        cursor = (rows.count, row.width)
    }

    private mutating func end(_ row: Row, _ index: Int) {
        var row = row
        row.range = row.range.lowerBound..<index
        rows.append(row)
    }

    /// What a character looks like in a column: a tab as spaces, a control character spelled out.
    private func cell(_ character: Character, at column: Int) -> (text: String, width: Int) {
        if let ascii = character.asciiValue, 0x20..<0x7F ~= ascii { return (String(character), 1) }
        if character == "\t" {
            let width = max(1, min(8 - column % 8, columns - column))
            return (String(repeating: " ", count: width), width)
        }
        let text = fitting(TerminalText.visible(String(character)))
        return (text, DisplayWidth.of(text))
    }

    /// `text`, or its beginning and an ellipsis when a row cannot hold it.
    private func fitting(_ text: String) -> String {
        guard DisplayWidth.of(text) > columns else { return text }
        var (result, width) = ("", 0)
        for character in text {
            width += DisplayWidth.of(character)
            if width >= columns { break }
            result.append(character)
        }
        return result + "…"
    }
}
