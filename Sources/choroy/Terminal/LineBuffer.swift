/// A text that is being edited: its characters as a reader sees them, and a cursor between two.
package struct LineBuffer: Sendable, Equatable {
    /// Never "\r\n" or "\r": line ends are line feeds.
    package private(set) var characters: [Character] = []
    /// Characters before the cursor.
    package private(set) var cursor = 0
    /// What was cut last.
    package private(set) var cut: [Character] = []
    /// Whether the next cut adds to the last one.
    private var isCutting = false
    /// The column that going up and down tries to keep.
    private var wantedColumn: Int?

    package init(_ text: String = "") { insert(text) }

    package var text: String { String(characters) }
    package var isEmpty: Bool { characters.isEmpty }

    // MARK: Text

    /// Puts text before the cursor; every kind of line end becomes a line feed.
    package mutating func insert(_ text: String) {
        endCombination()
        guard !text.isEmpty else { return }
        // The neighbours may join with what comes: a letter with an accent that follows it.
        let before = cursor > 0 ? String(characters[cursor - 1]) : ""
        let after = cursor < characters.count ? String(characters[cursor]) : ""
        let head = before + Self.withLineFeeds(text)
        let joined = Array(head + after)
        let start = cursor - (before.isEmpty ? 0 : 1)
        let end = cursor + (after.isEmpty ? 0 : 1)
        characters.replaceSubrange(start..<end, with: joined)
        cursor = start + head.count
        if !after.isEmpty, start + joined.count < cursor + 1 { cursor = start + joined.count }
    }

    /// Takes another text, with the cursor at its end; what was cut stays.
    package mutating func replace(with text: String) {
        endCombination()
        characters = []
        cursor = 0
        insert(text)
    }

    /// Puts text in the place of the characters between `start` and the cursor.
    package mutating func replace(from start: Int, with text: String) {
        precondition(0...cursor ~= start, "replace: \(start) is not in 0...\(cursor)")
        characters.removeSubrange(start..<cursor)
        cursor = start
        insert(text)
    }

    package mutating func deleteBackward() {
        endCombination()
        guard cursor > 0 else { return }
        cursor -= 1
        characters.remove(at: cursor)
    }

    package mutating func deleteForward() {
        endCombination()
        guard cursor < characters.count else { return }
        characters.remove(at: cursor)
    }

    /// Changes the two characters around the cursor, or the last two of the line.
    package mutating func transpose() {
        endCombination()
        let line = lineRange
        guard line.count > 1, cursor > line.lowerBound else { return }
        let second = min(cursor, line.upperBound - 1)
        characters.swapAt(second - 1, second)
        cursor = second + 1
    }

    // MARK: Cut and paste

    /// Cuts to the end of the line; at its end the line feed.
    package mutating func cutToLineEnd() {
        let end = lineRange.upperBound
        cut(cursor..<(end == cursor ? min(end + 1, characters.count) : end))
    }

    package mutating func cutToLineStart() {
        let start = lineRange.lowerBound
        cut((start == cursor ? max(start - 1, 0) : start)..<cursor)
    }

    /// Cuts back to white space.
    package mutating func cutWordBackward() {
        cut(place(before: cursor) { !$0.isWhitespace }..<cursor)
    }

    /// Cuts back to the beginning of a word of letters and digits.
    package mutating func cutLettersBackward() { cut(wordStart..<cursor) }

    package mutating func cutLettersForward() { cut(cursor..<wordEnd) }

    /// Puts what was cut last before the cursor.
    package mutating func yank() { insert(String(cut)) }

    private mutating func cut(_ range: Range<Int>) {
        wantedColumn = nil
        guard !range.isEmpty else { return }
        let piece = Array(characters[range])
        // Cuts in a row are one piece.
        cut = !isCutting ? piece : range.lowerBound < cursor ? piece + cut : cut + piece
        characters.removeSubrange(range)
        cursor = range.lowerBound
        isCutting = true
    }

    // MARK: Moves

    package mutating func moveLeft() { move(to: max(cursor - 1, 0)) }
    package mutating func moveRight() { move(to: min(cursor + 1, characters.count)) }
    package mutating func moveToLineStart() { move(to: lineRange.lowerBound) }
    package mutating func moveToLineEnd() { move(to: lineRange.upperBound) }
    package mutating func moveToEnd() { move(to: characters.count) }
    package mutating func moveWordLeft() { move(to: wordStart) }
    package mutating func moveWordRight() { move(to: wordEnd) }

    /// Goes to the line above; false when there is none.
    package mutating func moveUp() -> Bool {
        let line = lineRange
        guard line.lowerBound > 0 else { return false }
        return move(from: line, to: range(ofLineAt: line.lowerBound - 1))
    }

    /// Goes to the line below; false when there is none.
    package mutating func moveDown() -> Bool {
        let line = lineRange
        guard line.upperBound < characters.count else { return false }
        return move(from: line, to: range(ofLineAt: line.upperBound + 1))
    }

    private mutating func move(from line: Range<Int>, to other: Range<Int>) -> Bool {
        let column = wantedColumn ?? (cursor - line.lowerBound)
        move(to: other.lowerBound + min(column, other.count))
        wantedColumn = column
        return true
    }

    private mutating func move(to place: Int) {
        endCombination()
        cursor = place
    }

    private mutating func endCombination() {
        isCutting = false
        wantedColumn = nil
    }

    // MARK: Places

    /// The line that the cursor is in, without its line feed.
    package var lineRange: Range<Int> { range(ofLineAt: cursor) }

    /// The word before the cursor: where it begins after white space.
    package var startOfWord: Int {
        var start = cursor
        while start > 0, !characters[start - 1].isWhitespace { start -= 1 }
        return start
    }

    private func range(ofLineAt place: Int) -> Range<Int> {
        var (start, end) = (place, place)
        while start > 0, characters[start - 1] != "\n" { start -= 1 }
        while end < characters.count, characters[end] != "\n" { end += 1 }
        return start..<end
    }

    private var wordStart: Int { place(before: cursor, where: Self.isLetter) }

    private var wordEnd: Int {
        var end = cursor
        while end < characters.count, !Self.isLetter(characters[end]) { end += 1 }
        while end < characters.count, Self.isLetter(characters[end]) { end += 1 }
        return end
    }

    private func place(before place: Int, where belongs: (Character) -> Bool) -> Int {
        var start = place
        while start > 0, !belongs(characters[start - 1]) { start -= 1 }
        while start > 0, belongs(characters[start - 1]) { start -= 1 }
        return start
    }

    private static func isLetter(_ character: Character) -> Bool {
        character.isLetter || character.isNumber
    }

    private static func withLineFeeds(_ text: String) -> String {
        guard text.utf8.contains(0x0D) else { return text }
        var result = String.UnicodeScalarView()
        var afterReturn = false
        for scalar in text.unicodeScalars {
            if scalar == "\r" {
                result.append("\n")
            } else if !(scalar == "\n" && afterReturn) {
                result.append(scalar)
            }
            afterReturn = scalar == "\r"
        }
        return String(result)
    }
}
