/// When a message goes on in the next line: after a backslash at its end, and between `"""` and
/// `"""`.
package enum OpenLines {
    package enum State: Equatable {
        /// The message without the marks that held it open.
        case complete(String)
        /// The text to go on with: the backslash has become a line feed.
        case open(String)
    }

    private static let quotes = "\"\"\""

    /// What Enter makes of `text`.
    ///
    /// `"""` opens at the beginning of a message, or anywhere in a command ("/system """…").
    package static func state(of text: String) -> State {
        if text.last == "\\" { return .open(text.dropLast() + "\n") }
        let trimmed = text.drop(while: \.isWhitespace)
        let first = text.firstRange(of: quotes)
        guard let first, trimmed.startIndex == first.lowerBound || trimmed.first == "/" else {
            return .complete(text)
        }
        var inside = text[first.upperBound...]
        guard let last = inside.firstRange(of: quotes) else { return .open(text + "\n") }
        let after = inside[last.upperBound...]
        inside = inside[..<last.lowerBound]
        if inside.first == "\n" { inside = inside.dropFirst() }
        if inside.last == "\n" { inside = inside.dropLast() }
        return .complete("\(text[..<first.lowerBound])\(inside)\(after)")
    }
}
