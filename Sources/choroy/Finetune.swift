import ArgumentParser

/// `choroy finetune`
struct Finetune: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finetune",
        abstract: "Teach a model to chat from conversations.",
        discussion: """
            Learns what the assistant says in JSONL or JSON files of conversations: messages, \
            prompt/completion, ShareGPT or Alpaca, recognised by their content. By default an adapter \
            is trained (LoRA), which peft, `choroy chat --adapter` and `choroy merge` open; \
            --method full trains the whole model. What is kept is the state that does best on \
            conversations that were held back. --resume goes on after a stop, with the same result \
            as without one.

            Examples:
              choroy finetune checkpoints/book --data chats.jsonl --output checkpoints/book-chat
              choroy finetune checkpoints/book --data chats.jsonl --method full --minutes 2 --output chat
            """)

    @Argument(help: "The model's directory.")
    var model: String
    @Option(
        parsing: .upToNextOption,
        help: "Files of conversations, directories, or - for standard input.")
    var data: [String]
    @Option(name: .shortAndLong, help: "The directory of the adapter, or of the new model.")
    var output: String
    @OptionGroup var request: FineTuningRequest
    @Flag(help: "Go on where the run in the output directory stopped, or begin it.")
    var resume = false
    @Flag(help: "Say what would be done, and stop.")
    var dryRun = false
    @Flag(name: .customLong("tensorboard"), help: "Write events for TensorBoard too.")
    var tensorBoard = false
    @Flag(help: "Print one JSON object at the end.")
    var json = false
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        if output.isEmpty { throw ValidationError("--output: expected a directory, found ''") }
    }

    func run() throws {
        threads.apply()
        let session = try FineTuningSession(
            model: model, data: data, output: output, request: request, resume: resume)
        try session.describe(json: dryRun && json)
        if dryRun { return }
        Interrupts.collect()
        try session.train(json: json, tensorBoard: tensorBoard)
    }
}
