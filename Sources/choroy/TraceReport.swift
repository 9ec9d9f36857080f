import ChoroyModel
import ChoroySystem
import ChoroyText

/// What a trace has found, as text or JSON.
struct TraceReport {
    private struct Span {
        var tokens: Range<Int>
        /// How many of them are no line ends between words.
        var units: Int
        var bytes: Range<Int>
        var text: String
        var count: Int
        var places: [ClosedRange<TextPlace>]
    }

    private let index: TextIndex
    private let minimum: Int
    private let tokens: Int
    private let size: Int
    /// Bytes that lie in some span.
    private let covered: Int
    /// How many spans there are; those shown are the longest.
    private let found: Int
    private let spans: [Span]

    /// - Throws: `FileError` when the index is damaged.
    init(
        _ index: TextIndex, text: [UInt8], tokens: [TokenID], spans: [VerbatimSpan], minimum: Int,
        limit: Int, places: Int
    ) throws {
        self.index = index
        self.minimum = minimum
        self.tokens = tokens.count
        let (ends, content) = Self.ends(of: tokens, in: text, index.vocabulary)
        func bytes(_ span: Range<Int>) -> Range<Int> {
            (span.lowerBound == 0 ? 0 : ends[span.lowerBound - 1])..<ends[span.upperBound - 1]
        }
        size = content.count
        var (covered, end) = (0, 0)
        for span in spans {
            let range = bytes(span.tokens)
            covered += max(0, range.upperBound - max(end, range.lowerBound))
            end = max(end, range.upperBound)
        }
        self.covered = covered
        found = spans.count
        // The longest first, of equals that which comes first.
        let order = spans.sorted {
            ($1.tokens.count, $0.tokens.lowerBound) < ($0.tokens.count, $1.tokens.lowerBound)
        }
        self.spans = try order.prefix(limit).map { span in
            let (count, occurrences) = try index.occurrences(of: span, in: tokens, limit: places)
            let range = bytes(span.tokens)
            let units = tokens[span.tokens].filter {
                index.vocabulary.unit != .word || $0 != index.vocabulary.endToken
            }
            return Span(
                tokens: span.tokens, units: units.count, bytes: range,
                text: String(decoding: content[range], as: UTF8.self), count: count,
                places: occurrences)
        }
    }

    /// Where each token ends in the text, and the text: as it was given, unless the tokens stand for
    /// something else.
    private static func ends(
        of tokens: [TokenID], in text: [UInt8], _ vocabulary: NGramVocabulary
    ) -> ([Int], [UInt8]) {
        if vocabulary.unit == .word {
            let sizes = EvaluationText.texts([text[...]], encoding: vocabulary)[0].byteCounts
            var end = 0
            let ends = sizes.prefix(tokens.count).map { size in
                end += size
                return end
            }
            return (ends, text)
        }
        var content: [UInt8] = []
        let ends = tokens.map { token in
            content += vocabulary.bytes(of: token)
            return content.count
        }
        return (ends, content)
    }

    private var unit: String { index.vocabulary.unit.rawValue }

    private var share: Double { Double(covered) / Double(max(1, size)) }

    /// The spans and a line about all of them.
    func text(_ styles: StyleWriter) -> String {
        var lines: [String] = []
        for span in spans {
            var places = span.places.map(name)
            if span.count > places.count { places.append("…") }
            lines.append(
                styles.styled("\(Figures.grouped(span.units)) \(unit)s", .bold)
                    + (span.count == 1 ? ", once: " : ", \(Figures.grouped(span.count)) times: ")
                    + styles.styled(places.joined(separator: ", "), TextStyle(color: .cyan)))
            let text = Self.short(span.text)
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                let shown = styles.isOn ? TerminalText.visible(String(line)) : String(line)
                lines.append("    " + styles.styled(shown, TextStyle(color: .green)))
            }
        }
        if found > spans.count {
            lines.append("and \(Figures.grouped(found - spans.count)) shorter ones (--limit)")
        }
        lines.append(
            "\(Figures.decimal(100 * share, 1)) % of \(Figures.grouped(size)) bytes stand word for "
                + "word in \(index.path), in spans of \(minimum) \(unit)s or more")
        return lines.joined(separator: "\n") + "\n"
    }

    /// The text without line ends at its end; of a long one the beginning.
    private static func short(_ text: String) -> String {
        var lines = text.prefix(600).split(separator: "\n", omittingEmptySubsequences: false)
        let isCut = text.count > 600 || lines.count > 8
        lines = Array(lines.prefix(8))
        while lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n") + (isCut ? " …" : "")
    }

    /// "book.txt:12", or "book.txt:12-14" for what goes over several lines.
    private func name(_ place: ClosedRange<TextPlace>) -> String {
        let (first, last) = (place.lowerBound, place.upperBound)
        let line = "\(TerminalText.visible(index.files[first.file])):\(first.line)"
        return first.file == last.file && first.line < last.line ? "\(line)-\(last.line)" : line
    }

    var json: String {
        let spans = spans.map { span in
            let places = span.places.map { place in
                JSONValue.object(
                    JSONObject([
                        ("file", .string(index.files[place.lowerBound.file])),
                        ("line", .integer(place.lowerBound.line)),
                        ("last_line", .integer(place.upperBound.line)),
                    ]))
            }
            return JSONValue.object(
                JSONObject([
                    ("tokens", .integer(span.tokens.count)),
                    ("first_token", .integer(span.tokens.lowerBound)),
                    ("first_byte", .integer(span.bytes.lowerBound)),
                    ("bytes", .integer(span.bytes.count)), ("text", .string(span.text)),
                    ("count", .integer(span.count)), ("places", .array(places)),
                ]))
        }
        let object = JSONObject([
            ("index", .string(index.path)), ("unit", .string(unit)),
            ("tokens", .integer(tokens)), ("bytes", .integer(size)),
            ("minimum", .integer(minimum)), ("verbatim_bytes", .integer(covered)),
            ("verbatim_share", .number(share)), ("spans_found", .integer(found)),
            ("spans", .array(spans)),
        ])
        return JSONWriter.string(.object(object)) + "\n"
    }
}
