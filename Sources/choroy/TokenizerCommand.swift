import ArgumentParser

/// `choroy tokenizer …`
struct TokenizerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Make, use and look at byte-level BPE tokenizers.",
        discussion: """
            Example:
              choroy tokenizer train book.txt --vocab-size 4096 --output tok/
              choroy tokenizer encode --tokenizer tok/ book.txt
            """,
        subcommands: [
            TokenizerTrainCommand.self, TokenizerEncodeCommand.self, TokenizerDecodeCommand.self,
            TokenizerInspectCommand.self, TokenizerConvertCommand.self,
        ])
}
