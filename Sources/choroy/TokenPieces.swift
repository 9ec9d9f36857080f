import ChoroyText

/// Text in the colours of its tokens, so that their borders show.
struct TokenPieces {
    let tokenizer: Tokenizer
    let styles: StyleWriter

    private static let colors: [UInt8] = [75, 114, 180, 176, 210]

    /// The text of `ids`; white space that would not show is spelled out. A character of several tokens
    /// has the colour of its last.
    func text(of ids: [TokenID]) -> String {
        var result = ""
        var pending: [UInt8] = []
        for (index, id) in ids.enumerated() {
            pending += tokenizer.bytes(of: id)
            guard let text = String(validating: pending, as: UTF8.self) ?? broken(pending) else {
                continue
            }
            pending = []
            let color = TextStyle.Color.palette(Self.colors[index % Self.colors.count])
            for (number, line) in text.split(
                separator: "\n", omittingEmptySubsequences: false
            ).enumerated() {
                if number > 0 { result += styles.styled("↵", TextStyle(color: color)) + "\n" }
                result += styles.styled(
                    TerminalText.visible(String(line).replacing(" ", with: "·")),
                    TextStyle(color: color))
            }
        }
        return result
    }

    /// Bytes that no token behind them makes whole.
    private func broken(_ bytes: [UInt8]) -> String? {
        bytes.count > 8 ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
