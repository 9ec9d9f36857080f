import ArgumentParser
import ChoroyTraining

/// `choroy train`
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a Transformer from text.",
        discussion: """
            Trains a tokenizer, holds back a part of the text for validation, chooses a model \
            that the time can fill, and trains. The output directory is a model that transformers, and \
            every choroy command, opens; --resume goes on after a stop, with the same result as \
            without one. A line that is only <|endoftext|> separates documents; in JSON lines \
            (.jsonl) each line is one. Files compressed with gzip are read as they are. Text may \
            be larger than memory: its tokens are kept in the output directory, in \
            training/tokens.bin, and read from there.

            Presets, with a vocabulary of 1,024 and a text of 1 MB; the time is that of two cores:

            \(Preset.table.map { "  " + $0 }.joined(separator: "\n"))

            Examples:
              choroy train book.txt --minutes 10 --output checkpoints/book
              choroy train book.txt --steps 2000 --preset micro --output checkpoints/book --resume
              choroy train web.jsonl.gz book.txt --weight web.jsonl.gz=0.5 --output checkpoints/mix
            """)

    @Argument(help: "Text files, directories, or - for standard input.")
    var text: [String]
    @Option(name: .shortAndLong, help: "The model's directory.")
    var output: String
    @OptionGroup var textOptions: TextOptions
    @OptionGroup var request: TrainingRequest
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
        let session = try TrainingSession(
            text: TextRequest(paths: text, options: textOptions), output: output,
            request: request, resume: resume)
        try session.describe(json: dryRun && json)
        if dryRun { return }
        Interrupts.collect()
        try session.train(json: json, tensorBoard: tensorBoard)
    }
}
