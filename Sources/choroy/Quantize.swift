import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

/// `choroy quantize`: a model with its matrices in 8 bits, and how much that changes it.
struct Quantize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Make a model smaller and faster: its matrices in 8 bits.",
        discussion: """
            Writes a model directory whose matrices (projections, embedding, head) are signed bytes with \
            one scale for each row, then compares it with the original: size, bits per byte, how often \
            both have the same likeliest token, KL divergence in nats, and speed of generation. Without \
            --text both read a sample that the original itself writes, which suits any model but is \
            kinder than text from elsewhere.

            Example: choroy quantize checkpoints/book --output checkpoints/book-int8 --text held-out.txt
            """)

    enum Form: String, ExpressibleByArgument, CaseIterable { case int8 }

    @Argument(help: "A model directory with weights in floats.")
    var model: String

    @Option(help: "The form of the matrices.")
    var type = Form.int8

    @Option(help: ArgumentHelp("A new directory for the model.", valueName: "dir"))
    var output: String

    @Option(
        parsing: .upToNextOption,
        help: "Text files to compare the models on. Default: a sample of the original.")
    var text: [String] = []

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    func run() throws {
        threads.apply()
        let place = DerivedModel(path: output)
        try place.checkIsFree(for: model)
        let directory = try ModelDirectory(contentsOf: model)
        guard directory.config.quantizationConfig == nil else {
            throw FileError(
                FilePath.join(model, "config.json"), at: "quantization_config",
                expected: "weights in floats", found: "a model that is quantized already")
        }
        let corpus = text.isEmpty ? nil : try Corpus(at: text)
        try write(directory, to: place)
        let report = try QuantizationReport(directory, ModelDirectory(contentsOf: output), corpus)
        try StandardStreams.printLine(
            json ? report.json(model, output, text) : report.summary(model, output))
    }

    private func write(_ directory: ModelDirectory, to place: DerivedModel) throws {
        var progress = Progress(
            "quantizing", total: directory.config.parameterCount, unit: "weights")
        let quantized = try Transformer(quantizing: directory.weights, directory.config) {
            progress.update($0)
        }
        progress.clear()
        // These as they are, with what only others read.
        try place.write(
            quantized, of: directory,
            copying: ["tokenizer_config.json", "chat_template.jinja", "generation_config.json"],
            from: [model])
    }
}
