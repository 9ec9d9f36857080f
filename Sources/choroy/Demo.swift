import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `choroy demo`: the whole line on the texts in `corpora/`.
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The whole line on a small text: tokenizer, n-grams, Transformer, chat.",
        discussion: """
            Trains on the tales and conversations in corpora/, shows how well each model predicts text \
            that was held back, and opens a chat (a scripted one when standard input is no terminal). A \
            demo that was stopped goes on; one that is done only chats.

            Example: choroy demo --minutes 2
            """)

    @Option(help: "The folder of text files.")
    var corpora: String?
    @Option(help: "The model's directory.")
    var output = "checkpoints/demo"
    @Option(help: "Minutes that training may take.")
    var minutes = 2.0
    @Flag(help: "Train anew, even when there is a finished model.")
    var fresh = false
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        guard minutes > 0 && minutes <= 1000 else {
            throw ValidationError("--minutes: expected above 0, at most 1000, found \(minutes)")
        }
    }

    func run() throws {
        threads.apply()
        let folder = try corporaPath()
        try clearOldRun(folder)
        let request = try TrainingRequest.parse([
            "--minutes", "\(minutes)", "--vocab-size", "512", "--preset", "micro", "--context",
            "256",
            "--learning-rate", "0.002", "--dropout", "0.2",
        ])
        let isDone = (try? ModelDirectory(contentsOf: output)) != nil
        StandardStreams.note(
            "Choroy's demo: from a text to a model that talks, in about \(Int(minutes.rounded(.up)) + 1) minutes\n"
        )
        let session = try TrainingSession(
            text: [folder], output: output, request: request, resume: true)
        if !isDone {
            try session.describe(json: false)
            StandardStreams.note("")
        }
        Interrupts.collect()
        try session.train(json: false)
        Interrupts.clear()
        try showLadder(session)
        try chat(bytes: session.split.training.reduce(0) { $0 + $1.count })
    }

    /// Removes an earlier demo that is not wanted any more, and nothing but a training run.
    private func clearOldRun(_ folder: String) throws {
        guard TrainingRecord.exists(in: output) else { return }
        let split = TextSplit(try Corpus(at: [folder]))
        let isOfThisText =
            (try? TrainingRecord(of: output))?.textHash == TrainingSession.hash(split)
        guard fresh || !isOfThisText else { return }
        if !isOfThisText { StandardStreams.note("\(output) is of another text: training anew") }
        try FilePath.remove(output)
    }

    /// `--corpora`, or `corpora` here, or beside the checkout that this program was built in.
    private func corporaPath() throws -> String {
        if let corpora { return corpora }
        var places = ["corpora"]
        if let program = unsafe realpath(CommandLine.arguments[0], nil) {
            defer { unsafe free(program) }
            var folder = FilePath.directory(of: unsafe String(cString: program))
            for _ in 0..<4 {
                places.append(FilePath.join(folder, "corpora"))
                folder = FilePath.directory(of: folder)
            }
        }
        for place in places where FilePath.kind(of: place) == .directory { return place }
        throw FileError(
            "corpora", expected: "a folder of text files, here or by --corpora",
            found: "no such folder")
    }

    private func showLadder(_ session: TrainingSession) throws {
        var ladder = Ladder()
        ladder.addUniform()
        ladder.addNGrams(
            [1, 2, 3, 4, 6], training: session.split.training, heldOut: session.split.validation)
        let loaded = try LoadedModel.load(output)
        func score(_ model: some LanguageModel) -> Evaluation {
            Evaluation.evaluate(
                model,
                on: EvaluationText.texts(session.split.validation, encoding: session.tokenizer),
                convention: .rolling(context: loaded.contextLength),
                startToken: loaded.startOfText)
        }
        ladder.add("Transformer", score(loaded.model))
        StandardStreams.note(
            "\nBits for a byte of text that no model has seen (fewer is better):\n")
        ladder.lines.forEach(StandardStreams.note)
    }

    /// A chat with a person, or what a person might say.
    private func chat(bytes: Int) throws {
        StandardStreams.note(
            """

            The model has read \(Figures.grouped(bytes >> 10)) KB of text for some minutes: it answers in the manner \
            of its text, often beside the point. Larger texts and more minutes make it better.

            """)
        if StandardStreams.inputIsTerminal {
            let command = try Chat.parse([output, "--temperature", "0.6"])
            return try command.run()
        }
        let loaded = try LoadedModel.load(output)
        try talk(loaded.model, loaded)
    }

    private func talk(_ model: some LanguageModel, _ loaded: LoadedModel) throws {
        var parameters = SamplingParameters()
        parameters.temperature = 0.6
        parameters.seed = 7
        var session = ChatSession(
            model, encoding: loaded.encoding, template: .writtenDialogue,
            sampler: try Sampler(parameters), maxTokens: 120, contextLength: loaded.contextLength,
            startOfText: loaded.startOfText, endOfText: loaded.endOfText)
        for question in [
            "Hello! Who are you?", "What do you like to eat?", "I am a little sad today.",
            "Tell me a short story.", "Thank you. Good night!",
        ] {
            try StandardStreams.printLine("User: \(question)")
            let reply = try session.reply(to: question) { _ in !Interrupts.requested }
            var output = ModelOutput()
            try output.write(Array("Assistant: \(reply.text)".utf8))
            try output.endLine()
            if Interrupts.requested { throw Interrupts.exitCode }
        }
    }
}
