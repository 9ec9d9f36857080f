import ChoroyText

/// A terminal as a person sees it, made of the bytes a program writes.
///
/// It knows what the line editor needs, and nothing else: whatever else would control a terminal is
/// counted as a violation.
struct TerminalScreen {
    private(set) var columns: Int
    private(set) var rows: Int
    /// A wide character is followed by an empty cell.
    private var cells: [[String]]
    private(set) var cursor = (row: 0, column: 0)
    /// Control sequences that only a program at fault would write.
    private(set) var violations: [String] = []
    /// Lines that have left at the top.
    private(set) var scrolled: [String] = []

    private var pending: [UInt8] = []
    private var sequence: String?
    private var allowed = [
        // Bracketed paste on and off.
        "\u{1B}[?2004h", "\u{1B}[?2004l",
    ]

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        cells = Array(repeating: [], count: rows)
    }

    /// The lines without white space at their ends.
    var lines: [String] {
        cells.map { row in
            let text = row.joined()
            return String(text.reversed().drop { $0 == " " }.reversed())
        }
    }

    var text: String { lines.joined(separator: "\n") }

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        pending += bytes
        let kept = IncrementalDecoder.unfinishedCount(pending)
        let text = String(decoding: pending.dropLast(kept), as: UTF8.self)
        pending.removeFirst(pending.count - kept)
        for scalar in text.unicodeScalars { take(scalar) }
    }

    mutating func feed(_ text: String) { feed(text.utf8) }

    private mutating func take(_ scalar: Unicode.Scalar) {
        if let begun = sequence {
            let text = begun + String(scalar)
            sequence = text
            if text.unicodeScalars.count == 2 {
                if scalar != "[" { violate() }
            } else if 0x40...0x7E ~= scalar.value {
                sequence = nil
                obey(text)
            }
            return
        }
        switch scalar.value {
        case 0x1B: sequence = "\u{1B}"
        case 0x0D: cursor.column = 0
        case 0x0A: lineFeed()
        case 0x09: cursor.column = min((cursor.column / 8 + 1) * 8, columns - 1)
        case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069, 0xE0000...0xE007F:
            sequence = String(scalar)
            violate()
        default: put(scalar)
        }
    }

    private mutating func violate() {
        violations.append(sequence ?? "")
        sequence = nil
    }

    private mutating func obey(_ text: String) {
        if allowed.contains(text) || text.hasSuffix("m") { return }
        let number = Int(text.dropFirst(2).dropLast()) ?? 0
        switch text.last {
        case "A": cursor.row = max(0, cursor.row - max(1, number))
        case "B": cursor.row = min(rows - 1, cursor.row + max(1, number))
        case "C": cursor.column = min(columns - 1, cursor.column + max(1, number))
        case "H" where text == "\u{1B}[H": cursor = (0, 0)
        case "K" where text == "\u{1B}[K": cut(cursor.row, cursor.column)
        case "J" where text == "\u{1B}[J":
            cut(cursor.row, cursor.column)
            for row in cells.indices.dropFirst(cursor.row + 1) { cells[row] = [] }
        case "J" where text == "\u{1B}[2J": cells = Array(repeating: [], count: rows)
        default: violations.append(text)
        }
    }

    private mutating func put(_ scalar: Unicode.Scalar) {
        let width = DisplayWidth.of(Character(scalar))
        if width == 0 {
            let place = cells[cursor.row].prefix(cursor.column).lastIndex { $0 != "" }
            if let place { cells[cursor.row][place].unicodeScalars.append(scalar) }
            return
        }
        if cursor.column + width > columns {
            cursor.column = 0
            lineFeed()
        }
        while cells[cursor.row].count < cursor.column + width { cells[cursor.row].append(" ") }
        cells[cursor.row][cursor.column] = String(scalar)
        if width == 2 { cells[cursor.row][cursor.column + 1] = "" }
        cursor.column += width
    }

    private mutating func lineFeed() {
        if cursor.row < rows - 1 {
            cursor.row += 1
            return
        }
        scrolled.append(lines[0])
        cells.removeFirst()
        cells.append([])
    }

    private mutating func cut(_ row: Int, _ column: Int) {
        if cells[row].count > column { cells[row].removeLast(cells[row].count - column) }
    }

    /// Breaks lines that no longer fit, as terminals do that keep what they show.
    mutating func resize(columns: Int, rows: Int) {
        var broken: [[String]] = []
        var place = cursor
        for (index, row) in cells.enumerated() {
            let first = broken.count
            var piece: [String] = []
            for (column, cell) in row.enumerated() {
                let isWide = column + 1 < row.count && row[column + 1] == ""
                if piece.count + (isWide ? 2 : 1) > columns && cell != "" {
                    broken.append(piece)
                    piece = []
                }
                piece.append(cell)
            }
            broken.append(piece)
            if index == cursor.row {
                place = (first + cursor.column / columns, cursor.column % columns)
            }
        }
        while broken.count > rows, broken.last == [], place.row < broken.count - 1 {
            broken.removeLast()
        }
        let leaving = max(0, broken.count - rows)
        scrolled += broken.prefix(leaving).map { $0.joined() }
        broken.removeFirst(leaving)
        while broken.count < rows { broken.append([]) }
        cells = broken
        cursor = (max(0, place.row - leaving), place.column)
        (self.columns, self.rows) = (columns, rows)
    }
}
