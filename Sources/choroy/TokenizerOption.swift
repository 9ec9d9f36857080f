import ArgumentParser
import ChoroyText

/// Where a tokenizer is.
struct TokenizerOption: ParsableArguments {
    static let pathHelp: ArgumentHelp = """
        A tokenizer.json or a directory with one, a .tiktoken or .gguf file, or vocab.json and merges.txt.
        """

    @Option(help: pathHelp)
    var tokenizer: String

    @OptionGroup var pattern: PatternOption

    /// - Throws: `ValidationError`, and what reading it throws.
    func read() throws -> Tokenizer {
        try Tokenizer(contentsOf: tokenizer, pattern: try pattern.chosen)
    }
}

/// How text is cut, for files that do not say.
struct PatternOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How text is cut, for a file that does not say: \(PreTokenizer.Pattern.allNames).",
            valueName: "pattern"))
    var pattern: String?

    var chosen: PreTokenizer.Pattern? {
        get throws {
            guard let pattern else { return nil }
            guard let chosen = PreTokenizer.Pattern(rawValue: pattern) else {
                throw ValidationError(
                    "--pattern: expected \(PreTokenizer.Pattern.allNames), found \(pattern)")
            }
            return chosen
        }
    }
}
