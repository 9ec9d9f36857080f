/// Text that cannot control a terminal.
///
/// What a model, a file name or an error message says may hold escape sequences that clear the
/// screen, set its title, write to the clipboard or turn the reading direction. Shown here is what
/// they are, not what they do.
package enum TerminalText {
    /// `text` with every control character but line feed and tab, every bidirectional control and
    /// every tag character spelled out: `\x1b`, `\u{9b}`, `\u{202e}`.
    package static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: controls) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if controls(scalar) {
                result.append(contentsOf: spelled(scalar).unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// `text` as one word of a command, in quotes when a shell needs them.
    package static func shellWord(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "+")...UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "@"),
                UInt8(ascii: "%"), 0x80...0xFF:
                true
            default: false
            }
        }
        return plain && !text.isEmpty ? text : "'\(text.replacing("'", with: #"'\''"#))'"
    }

    private static func controls(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F...0x9F: true
        case 0x202A...0x202E, 0x2066...0x2069: true
        case 0xE0000...0xE007F: true
        default: false
        }
    }

    private static func spelled(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        guard scalar.value < 0x80 else { return "\\u{\(digits)}" }
        return "\\x" + (digits.count < 2 ? "0" : "") + digits
    }
}
