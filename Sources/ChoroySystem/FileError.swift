/// What is wrong with a file or an input: where, what was expected, what was found.
///
/// One type serves every format, since every message has the same three parts; `description` is
/// the one line that the command prints.
public struct FileError: Error, CustomStringConvertible, Sendable, Equatable {
    /// The file, or what stands for it ("standard input").
    public var path: String
    /// The place inside the file: "line 3", "byte 128", "tensor model.norm.weight".
    public var place: String?
    public var expected: String
    public var found: String

    public init(_ path: String, at place: String? = nil, expected: String, found: String) {
        self.path = path
        self.place = place
        self.expected = expected
        self.found = found
    }

    public var description: String {
        let place = place.map { ", \(Self.line($0))" } ?? ""
        return
            "\(Self.line(path))\(place): expected \(Self.line(expected)), found \(Self.line(found))"
    }

    /// `text` fit for one line of a terminal: names from files may hold line ends or escape
    /// sequences, and may be very long.
    private static func line(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars.prefix(400) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return text.unicodeScalars.dropFirst(400).isEmpty ? line : line + "…"
    }
}
