import ArgumentParser
import ChoroySystem
import ChoroyText

/// `choroy tokenizer inspect`
struct TokenizerInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what a tokenizer is, and how well it fits text.",
        discussion: """
            Example:
              choroy tokenizer inspect tok/ book.txt --compare cl100k_base.tiktoken
            """)

    @Argument(help: TokenizerOption.pathHelp)
    var path: String

    @OptionGroup var pattern: PatternOption

    @Argument(help: "Text to measure bytes per token on.")
    var text: [String] = []

    @Option(help: "Another tokenizer to compare bytes per token with; may be repeated.")
    var compare: [String] = []

    @Flag(help: "Print one JSON object.")
    var json = false

    /// Bytes of the text that are shown in the colours of their tokens.
    private static let shownBytes = 600

    func run() throws {
        let tokenizer = try Tokenizer(contentsOf: path, pattern: try pattern.chosen)
        let others = try compare.map { path in
            (path, try Tokenizer(contentsOf: path, pattern: try pattern.chosen))
        }
        let files = try measure([(path, tokenizer)] + others)
        let longest = longest(tokenizer)
        if json { return try StandardStreams.printLine(object(tokenizer, longest, files)) }
        var lines = [
            "tokens          \(tokenizer.vocabularySize), \(tokenizer.mergeCount) merges",
            "pattern         \(tokenizer.patternName)",
        ]
        let specials = tokenizer.specialTokens.map { "\($0.id) \($0.content)" }
        lines.append(
            "special tokens  \(specials.isEmpty ? "none" : specials.joined(separator: ", "))")
        for (index, id) in longest.enumerated() {
            let name = tokenizer.name(of: id)
            let shown = name.count > 40 ? "\(name.prefix(40))…" : name
            lines.append(
                "\(index == 0 ? "longest tokens" : "              ")  \(id) \"\(shown)\", "
                    + "\(tokenizer.bytes(of: id).count) bytes")
        }
        lines.append("hash            \(tokenizer.hash)")
        lines += table(files)
        try StandardStreams.printLine(
            lines.map(TerminalText.visible).joined(separator: "\n"))
        try showPieces(tokenizer)
    }

    /// Ids of the five longest tokens that are not special.
    private func longest(_ tokenizer: Tokenizer) -> [TokenID] {
        let specials = Set(tokenizer.specialTokens.map(\.id))
        return (0..<TokenID(tokenizer.vocabularySize)).filter { !specials.contains($0) }
            .map { (id: $0, count: tokenizer.bytes(of: $0).count) }
            .sorted { ($1.count, $0.id) < ($0.count, $1.id) }.prefix(5).map(\.id)
    }

    // MARK: Texts

    /// How many tokens of each tokenizer a text is.
    private struct Measured {
        let file: String
        let bytes: Int
        let tokens: [(tokenizer: String, count: Int)]

        func bytesPerToken(_ count: Int) -> Double { Double(bytes) / Double(max(count, 1)) }
    }

    private func measure(_ tokenizers: [(path: String, tokenizer: Tokenizer)]) throws -> [Measured]
    {
        guard !text.isEmpty else { return [] }
        return try Corpus.files(at: text).map { file in
            let bytes = try FileBytes.read(file)
            return Measured(
                file: file, bytes: bytes.count,
                tokens: tokenizers.map { ($0.path, $0.tokenizer.encode(bytes).count) })
        }
    }

    /// Lines of bytes per token, a column for each tokenizer.
    private func table(_ files: [Measured]) -> [String] {
        guard let first = files.first else { return [] }
        func cells(_ name: String, _ cells: [String]) -> String {
            let width = max(24, files.map(\.file.count).max() ?? 0)
            return name + String(repeating: " ", count: max(0, width - name.count))
                + cells.map { String(repeating: " ", count: max(2, 24 - $0.count)) + $0 }.joined()
        }
        let names = first.tokens.map { String($0.tokenizer.suffix(22)) }
        return ["", cells("bytes per token", names)]
            + files.map { file in
                cells(
                    file.file,
                    file.tokens.map {
                        let rounded = (file.bytesPerToken($0.count) * 1000).rounded() / 1000
                        return "\(rounded) (\($0.count))"
                    })
            }
    }

    /// The beginning of the first text in the colours of its tokens, on a terminal.
    private func showPieces(_ tokenizer: Tokenizer) throws {
        guard StyleWriter.output.isOn, !text.isEmpty, let file = try Corpus.files(at: text).first
        else { return }
        var bytes = Array(try FileBytes.read(file).prefix(Self.shownBytes))
        while let last = bytes.last, last != 10, last != 32 { bytes.removeLast() }
        let pieces = TokenPieces(tokenizer: tokenizer, styles: .output)
        try StandardStreams.printLine("\n" + pieces.text(of: tokenizer.encode(bytes)))
    }

    // MARK: JSON

    private func object(
        _ tokenizer: Tokenizer, _ longest: [TokenID], _ files: [Measured]
    ) -> String {
        let specials = tokenizer.specialTokens.map {
            ($0.content, JSONValue.integer(Int($0.id)))
        }
        var members: [(key: String, value: JSONValue)] = [
            ("vocabulary_size", .integer(tokenizer.vocabularySize)),
            ("merges", .integer(tokenizer.mergeCount)),
            ("pattern", .string(tokenizer.patternName)),
            ("special_tokens", .object(JSONObject(specials))),
            ("longest_token", .string(longest.first.map { tokenizer.name(of: $0) } ?? "")),
            ("longest_tokens", .array(longest.map { .string(tokenizer.name(of: $0)) })),
            ("hash", .string(tokenizer.hash)),
        ]
        if !files.isEmpty { members.append(("files", .array(files.map(object)))) }
        return JSONWriter.string(.object(JSONObject(members)))
    }

    private func object(_ file: Measured) -> JSONValue {
        let count = file.tokens.first?.count ?? 0
        var members: [(key: String, value: JSONValue)] = [
            ("file", .string(file.file)), ("bytes", .integer(file.bytes)),
            ("tokens", .integer(count)), ("bytes_per_token", .number(file.bytesPerToken(count))),
        ]
        if file.tokens.count > 1 {
            let compared = file.tokens.dropFirst().map { other in
                JSONValue.object(
                    JSONObject([
                        ("tokenizer", .string(other.tokenizer)), ("tokens", .integer(other.count)),
                        ("bytes_per_token", .number(file.bytesPerToken(other.count))),
                    ]))
            }
            members.append(("compared", .array(compared)))
        }
        return .object(JSONObject(members))
    }
}
