package import ChoroyGeneration
import ChoroySystem
package import ChoroyText

/// Probabilities of tokens, to be seen.
package enum ProbabilityView {
    /// Least probability and colour of each step, the most probable first.
    private static let steps: [(least: Double, color: UInt8, label: String)] = [
        (0.9, 46, "90 % and more"), (0.5, 154, "50 %"), (0.2, 226, "20 %"), (0.05, 214, "5 %"),
        (0.01, 203, "1 %"), (0, 196, "less"),
    ]

    package static func style(_ probability: Double) -> TextStyle {
        let step = steps.first { probability >= $0.least } ?? steps[steps.count - 1]
        return TextStyle(color: .palette(step.color))
    }

    /// What the colours mean.
    package static func legend(_ styles: StyleWriter) -> String {
        "probability of each token: "
            + steps.map { styles.styled($0.label, TextStyle(color: .palette($0.color))) }
            .joined(separator: ", ")
    }

    package static func percent(_ probability: Double) -> String {
        "\(Figures.decimal(100 * probability, probability < 0.001 ? 3 : 1)) %"
    }

    /// A token's text in quotes, on one line.
    package static func quoted(_ bytes: [UInt8]) -> String {
        TerminalText.visible(JSONWriter.string(.string(String(decoding: bytes, as: UTF8.self))))
    }

    /// `probability token`, a line of the plain table.
    package static func tableLine(_ token: GeneratedToken) -> String {
        "\(Figures.decimal(token.score?.probability ?? 0, 6)) "
            + JSONWriter.string(.string(String(decoding: token.bytes, as: UTF8.self)))
    }

    /// All tokens of a reply with their positions, as lines of at most so many columns.
    package static func list(_ tokens: [GeneratedToken], columns: Int, _ styles: StyleWriter)
        -> [String]
    {
        var lines: [String] = []
        var (line, width) = ("", 0)
        for (place, token) in tokens.enumerated() {
            let text = "\(place + 1):\(quoted(token.bytes))"
            if width > 0 && width + text.count + 2 > columns {
                lines.append(line)
                (line, width) = ("", 0)
            }
            line += (width > 0 ? "  " : "")
            line += styles.styled(text, style(token.score?.probability ?? 0))
            width += text.count + (width > 0 ? 2 : 0)
        }
        return lines + (line.isEmpty ? [] : [line])
    }

    /// The alternatives at a position, the token that was drawn marked.
    package static func alternatives(
        to token: GeneratedToken, _ styles: StyleWriter, bytes: (TokenID) -> [UInt8]
    ) -> [String] {
        guard let score = token.score else { return [] }
        var candidates = score.alternatives
        if !candidates.contains(where: { $0.token == token.id }) {
            candidates.append(Sampler.Candidate(token: token.id, probability: score.probability))
        }
        return candidates.map { candidate in
            let share = percent(candidate.probability)
            let padding = String(repeating: " ", count: max(0, 8 - share.count))
            let mark = candidate.token == token.id ? ">" : " "
            return "\(mark) \(padding)"
                + styles.styled(
                    "\(share)  \(quoted(bytes(candidate.token)))", style(candidate.probability))
        }
    }

    /// Tokens as `--json` gives them.
    static func json(_ tokens: [GeneratedToken], _ encoding: any TextEncoding) -> JSONValue {
        .array(
            tokens.map { token in
                var object = members(token.id, token.bytes)
                object.append("probability", token.score.map { .number($0.probability) } ?? .null)
                let alternatives = token.score?.alternatives ?? []
                object.append(
                    "alternatives",
                    .array(
                        alternatives.map { candidate in
                            var other = members(
                                candidate.token, encoding.bytes(of: candidate.token))
                            other.append("probability", .number(candidate.probability))
                            return .object(other)
                        }))
                return .object(object)
            })
    }

    private static func members(_ id: TokenID, _ bytes: [UInt8]) -> JSONObject {
        var object = JSONObject([
            ("token", .integer(Int(id))), ("text", .string(String(decoding: bytes, as: UTF8.self))),
        ])
        if String(validating: bytes, as: UTF8.self) == nil {
            object.append("bytes", .array(bytes.map { .integer(Int($0)) }))
        }
        return object
    }
}

/// Which token wrote which part of a text that comes in pieces of whole characters.
package struct ProbabilityRuns {
    private var queue: [(count: Int, probability: Double)] = []
    /// Whether white space at the beginning was dropped from the text.
    private var isAtStart: Bool

    package init(dropsLeadingSpace: Bool) { isAtStart = dropsLeadingSpace }

    package mutating func append(_ token: GeneratedToken) {
        var bytes = token.bytes[...]
        if isAtStart {
            bytes = bytes.drop { $0 == 0x20 || 0x09...0x0D ~= $0 }
            isAtStart = bytes.isEmpty
        }
        if !bytes.isEmpty { queue.append((bytes.count, token.score?.probability ?? 0)) }
    }

    /// The piece in parts, whole characters each; a character of several tokens goes to the last.
    package mutating func take(_ piece: [UInt8]) -> [(bytes: [UInt8], probability: Double)] {
        var parts: [(bytes: [UInt8], probability: Double)] = []
        var left = piece[...]
        var begun: [UInt8] = []
        while !left.isEmpty, let first = queue.first {
            let count = min(first.count, left.count)
            if count == first.count { queue.removeFirst() } else { queue[0].count -= count }
            let bytes = begun + left.prefix(count)
            left = left.dropFirst(count)
            let kept = left.isEmpty ? 0 : IncrementalDecoder.unfinishedCount(bytes)
            begun = Array(bytes.suffix(kept))
            if bytes.count > kept { parts.append((Array(bytes.dropLast(kept)), first.probability)) }
        }
        if !begun.isEmpty || !left.isEmpty { parts.append((begun + left, 1)) }
        return parts
    }
}
