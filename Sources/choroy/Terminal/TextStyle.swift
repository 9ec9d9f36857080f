/// How text on a terminal looks.
package struct TextStyle: Hashable, Sendable {
    package enum Color: Hashable, Sendable {
        case red, green, yellow, blue, magenta, cyan
        /// A number of the palette of 256 colours.
        case palette(UInt8)
    }

    package var isBold: Bool
    package var isDim: Bool
    package var color: Color?

    package init(bold: Bool = false, dim: Bool = false, color: Color? = nil) {
        isBold = bold
        isDim = dim
        self.color = color
    }

    package static let plain = TextStyle()
    package static let bold = TextStyle(bold: true)
    package static let dim = TextStyle(dim: true)

    /// What turns the style on (ECMA-48, SGR); "" for plain text.
    var opening: String {
        var codes: [String] = []
        if isBold { codes.append("1") }
        if isDim { codes.append("2") }
        switch color {
        case .red: codes.append("31")
        case .green: codes.append("32")
        case .yellow: codes.append("33")
        case .blue: codes.append("34")
        case .magenta: codes.append("35")
        case .cyan: codes.append("36")
        case .palette(let number): codes.append("38;5;\(number)")
        case nil: break
        }
        return codes.isEmpty ? "" : "\u{1B}[" + codes.joined(separator: ";") + "m"
    }
}

/// The only place that writes styles: none for `NO_COLOR`, a pipe, a file or a dumb terminal.
package struct StyleWriter: Sendable {
    package let isOn: Bool

    package init(isOn: Bool) { self.isOn = isOn }

    /// `text`, which must hold nothing that controls a terminal, in a style.
    package func styled(_ text: String, _ style: TextStyle) -> String {
        guard isOn, style != .plain, !text.isEmpty else { return text }
        return "\(style.opening)\(text)\u{1B}[0m"
    }
}

extension StyleWriter {
    /// For standard output and for standard error.
    static var output: StyleWriter {
        StyleWriter(isOn: allowed && StandardStreams.outputIsTerminal)
    }
    static var errors: StyleWriter { StyleWriter(isOn: allowed && StandardStreams.errorIsTerminal) }

    private static var allowed: Bool {
        !StandardStreams.refusesColor && !StandardStreams.terminalIsDumb
    }
}
