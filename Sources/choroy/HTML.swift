/// Text in HTML pages.
package enum HTML {
    /// Colours that the page has for curves.
    package static let colorCount = 6

    /// `text` as content or in a quoted attribute. Control characters, which a page must not have,
    /// become U+FFFD.
    package static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "\n", "\t": result.append(scalar)
            case _ where scalar.value < 32 || 0x7F...0x9F ~= scalar.value:
                result.append("\u{FFFD}")
            case _ where 0x202A...0x202E ~= scalar.value || 0x2066...0x2069 ~= scalar.value:
                // They would turn the direction of what follows.
                result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
