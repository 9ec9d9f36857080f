/// Text of a model on its way to standard output: exact bytes for a pipe or file; on a terminal
/// nothing that could control it, broken between words.
struct ModelOutput {
    let isTerminal = StandardStreams.outputIsTerminal
    /// Whether the last line is complete.
    private(set) var endsLine = true
    private var wrap = WordWrap(columns: .max, styles: .output)
    private let breaksLines: Bool

    /// Without `breaksLines` only the terminal breaks long lines.
    init(breaksLines: Bool = true) { self.breaksLines = breaksLines }

    /// Writes a piece that consists of whole characters; the style shows on a terminal only.
    ///
    /// On a terminal the last word is held back until it is complete, or `endLine` is called.
    mutating func write(_ piece: [UInt8], style: TextStyle = .plain) throws {
        guard let last = piece.last else { return }
        endsLine = last == UInt8(ascii: "\n")
        guard isTerminal else { return try StandardStreams.write(piece) }
        if breaksLines { wrap.columns = StandardStreams.windowSize.columns }
        let text = TerminalText.visible(String(decoding: piece, as: UTF8.self))
        try StandardStreams.write(wrap.append(text, style: style).utf8)
    }

    /// Shows what is held back of a text that ends here, and ends its line if it is not complete.
    mutating func endLine() throws {
        if isTerminal { try StandardStreams.write(wrap.finish().utf8) }
        if !endsLine { try write([UInt8(ascii: "\n")]) }
    }
}
