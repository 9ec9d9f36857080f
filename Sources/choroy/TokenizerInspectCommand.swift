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
              choroy tokenizer inspect tok/ book.txt
            """)

    @Argument(help: TokenizerOption.pathHelp)
    var path: String

    @OptionGroup var pattern: PatternOption

    @Argument(help: "Text to measure bytes per token on.")
    var text: [String] = []

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let tokenizer = try Tokenizer(contentsOf: path, pattern: try pattern.chosen)
        let lengths = (0..<tokenizer.vocabularySize).map {
            tokenizer.bytes(of: TokenID($0)).count
        }
        let longest = lengths.indices.max { lengths[$0] < lengths[$1] } ?? 0
        var members: [(key: String, value: JSONValue)] = [
            ("vocabulary_size", .integer(tokenizer.vocabularySize)),
            ("merges", .integer(tokenizer.mergeCount)),
            ("pattern", .string(tokenizer.pattern.rawValue)),
            (
                "special_tokens",
                .object(
                    JSONObject(tokenizer.specialTokens.map { ($0.content, .integer(Int($0.id))) }))
            ),
            ("longest_token", .string(tokenizer.name(of: TokenID(longest)))),
            ("hash", .string(tokenizer.hash)),
        ]
        var files: [JSONValue] = []
        for file in text.isEmpty ? [] : try Corpus.files(at: text) {
            let bytes = try FileBytes.read(file)
            let count = tokenizer.encode(bytes).count
            files.append(
                .object(
                    JSONObject([
                        ("file", .string(file)), ("bytes", .integer(bytes.count)),
                        ("tokens", .integer(count)),
                        ("bytes_per_token", .number(Double(bytes.count) / Double(max(count, 1)))),
                    ])))
        }
        if !files.isEmpty { members.append(("files", .array(files))) }
        if json {
            print(JSONWriter.string(.object(JSONObject(members))))
            return
        }
        print("tokens          \(tokenizer.vocabularySize), \(tokenizer.mergeCount) merges")
        print("pattern         \(tokenizer.pattern.rawValue)")
        let specials = tokenizer.specialTokens.map { "\($0.id) \($0.content)" }
        print("special tokens  \(specials.isEmpty ? "none" : specials.joined(separator: ", "))")
        print(
            "longest token   \(longest) \"\(tokenizer.name(of: TokenID(longest)))\", "
                + "\(lengths.isEmpty ? 0 : lengths[longest]) bytes")
        print("hash            \(tokenizer.hash)")
        for file in files {
            let perToken = ((file["bytes_per_token"]?.double ?? 0) * 1000).rounded() / 1000
            print(
                "\(file["file"]?.string ?? ""): \(file["bytes"]?.integer ?? 0) bytes, "
                    + "\(file["tokens"]?.integer ?? 0) tokens, \(perToken) bytes per token")
        }
    }
}
