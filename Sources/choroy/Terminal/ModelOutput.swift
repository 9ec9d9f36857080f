/// Text of a model on its way to standard output: exact bytes for a pipe or file, on a terminal
/// nothing that could control it.
struct ModelOutput {
    let isTerminal = StandardStreams.outputIsTerminal
    /// Whether the last line is complete.
    private(set) var endsLine = true

    /// Writes a piece that consists of whole characters.
    mutating func write(_ piece: [UInt8]) throws {
        guard let last = piece.last else { return }
        endsLine = last == UInt8(ascii: "\n")
        if isTerminal {
            let text = TerminalText.visible(String(decoding: piece, as: UTF8.self))
            try StandardStreams.write(text.utf8)
        } else {
            try StandardStreams.write(piece)
        }
    }

    /// Ends a line that is not complete.
    mutating func endLine() throws { if !endsLine { try write([UInt8(ascii: "\n")]) } }
}
