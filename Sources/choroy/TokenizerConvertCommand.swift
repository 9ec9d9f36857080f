import ArgumentParser
import ChoroySystem
import ChoroyText

/// `choroy tokenizer convert`
struct TokenizerConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a tokenizer in another format.",
        discussion: """
            json: a directory with tokenizer.json and tokenizer_config.json, as Hugging Face opens it. \
            tiktoken: a file of tokens and ranks; pattern and special tokens have no place in it. What \
            a format cannot say is an error.

            Example:
              choroy tokenizer convert cl100k_base.tiktoken --to json --output tok/
              choroy tokenizer convert tok/ --to tiktoken --output tok.tiktoken
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case json, tiktoken }

    @Argument(help: TokenizerOption.pathHelp)
    var path: String

    @Option(name: .customLong("to"), help: "json or tiktoken.")
    var format: Format

    @OptionGroup var patternOption: PatternOption

    @Option(name: .shortAndLong, help: "The directory (json) or file (tiktoken) to write.")
    var output: String

    func run() throws {
        let tokenizer = try Tokenizer(contentsOf: path, pattern: try patternOption.chosen)
        switch format {
        case .json: try tokenizer.save(to: output)
        case .tiktoken:
            try AtomicFile.write(try tokenizer.tiktokenFile(for: path), to: output)
        }
        print(
            "\(output): \(tokenizer.vocabularySize) tokens, pattern \(tokenizer.patternName)")
    }
}
