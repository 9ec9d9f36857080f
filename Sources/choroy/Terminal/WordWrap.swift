import ChoroyText

/// Text that comes in pieces, broken between words where a line of the terminal ends.
///
/// A word is held back until it is complete, so that nothing has to be taken back. Line ends of the text
/// stay; code between lines that begin with three backquotes is not broken, and a word longer than a
/// line only by the terminal. Characters of two columns may be parted from their neighbours.
package struct WordWrap {
    private struct Cell {
        var character: Character
        var style: TextStyle
        var isBlank: Bool { character == " " || character == "\t" }
    }

    /// The width of the terminal, which may change at any time.
    package var columns: Int
    private let styles: StyleWriter

    /// The last character: what comes next may be a part of it.
    private var last: Cell?
    /// White space and the word after it that are not given out yet.
    private var blanks: [Cell] = []
    private var word: [Cell] = []
    private var wordWidth = 0
    /// Columns of the line that are given out.
    private var column = 0
    /// The word is longer than a line, and goes out as it comes.
    private var isLongWord = false
    private var isCode = false
    /// In the line that opens code.
    private var isOpening = false
    /// The first characters of the line, as far as they can tell that it opens or closes code.
    private var head = ""
    private var output: [Cell] = []

    /// Text without anything that controls a terminal goes in, and so it comes out, but for `styles`.
    package init(columns: Int, styles: StyleWriter = StyleWriter(isOn: false)) {
        self.columns = columns
        self.styles = styles
    }

    /// What can be shown when `text` has come.
    package mutating func append(_ text: String, style: TextStyle = .plain) -> String {
        guard !text.isEmpty else { return "" }
        var cells = ((last.map { String($0.character) } ?? "") + text)
            .map { Cell(character: $0, style: style) }
        // What joins with the last character takes its style.
        if let last { cells[0].style = last.style }
        // Nothing joins with a line feed before it.
        last = cells.last?.character == "\n" ? nil : cells.popLast()
        for cell in cells { take(cell) }
        return given()
    }

    /// What was held back, at the end of a text; code that is still open ends with it.
    package mutating func finish() -> String {
        if let last { take(last) }
        last = nil
        giveWord()
        giveBlanks()
        (isCode, isOpening, isLongWord) = (false, false, false)
        return given()
    }

    private mutating func take(_ cell: Cell) {
        if cell.character == "\n" {
            giveWord()
            giveBlanks()
            output.append(cell)
            if isFence, !isOpening { isCode = false }
            (column, head, isLongWord, isOpening) = (0, "", false, false)
        } else if isCode {
            note(cell)
            give(cell)
        } else if cell.isBlank {
            giveWord()
            isLongWord = false
            note(cell)
            // The word may have opened code.
            if isCode { give(cell) } else { blanks.append(cell) }
        } else if isLongWord {
            give(cell)
        } else {
            let width = DisplayWidth.of(cell.character)
            if width == 2 { giveWord() }
            note(cell)
            word.append(cell)
            wordWidth += width
            if width == 2 { giveWord() }
            if wordWidth > columns {
                giveWord()
                isLongWord = true
            }
        }
    }

    // MARK: Code

    private mutating func note(_ cell: Cell) {
        if head.utf8.count < 8 { head.append(cell.character) }
    }

    /// Whether the line begins with three backquotes, after three spaces at most.
    private var isFence: Bool {
        let marks = head.drop { $0 == " " }
        return marks.hasPrefix("```") && head.utf8.count - marks.utf8.count < 4
    }

    // MARK: Words

    private mutating func giveWord() {
        guard !word.isEmpty else { return }
        if column == 0, isFence {
            isCode = true
            isOpening = true
        }
        let blankWidth = width(of: blanks)
        let fits = column + blankWidth + wordWidth <= columns
        // At the beginning of a line white space is an indentation, and a new line would help nothing.
        if fits || isCode || column == 0 {
            blanks.forEach { give($0) }
        } else {
            output.append(Cell(character: "\n", style: .plain))
            column = 0
        }
        word.forEach { give($0) }
        (word, blanks, wordWidth) = ([], [], 0)
    }

    /// White space at the end of a line, as much as fits.
    private mutating func giveBlanks() {
        if column + width(of: blanks) <= columns { blanks.forEach { give($0) } }
        blanks = []
    }

    private func width(of blanks: [Cell]) -> Int {
        blanks.reduce(column) { $0 + ($1.character == "\t" ? 8 - $0 % 8 : 1) } - column
    }

    private mutating func give(_ cell: Cell) {
        output.append(cell)
        let width = cell.isBlank ? width(of: [cell]) : DisplayWidth.of(cell.character)
        column += width
        // The terminal has broken the line.
        if column > columns { column = max(width, 1) }
    }

    /// The cells to give out as text, those of a style together.
    private mutating func given() -> String {
        defer { output.removeAll(keepingCapacity: true) }
        var text = ""
        var run = ""
        var style = TextStyle.plain
        for cell in output {
            if cell.style != style {
                text += styles.styled(run, style)
                (run, style) = ("", cell.style)
            }
            run.append(cell.character)
        }
        return text + styles.styled(run, style)
    }
}
