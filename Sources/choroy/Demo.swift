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
        abstract:
            "The whole line on a small text: tokenizer, n-grams, Transformer, LoRA, int8, chat.",
        discussion: """
            Trains on the tales and conversations in corpora/, teaches the model to chat, makes it \
            small, shows how well each model predicts what was held back, and opens a chat (a scripted \
            one when standard input is no terminal). A demo that was stopped goes on; one that is done \
            only chats. Beside the model's directory it writes those with -chat, -merged and -int8 \
            behind the name.

            Example: choroy demo --minutes 2
            """)

    @Option(help: "The folder of text files.")
    var corpora: String?
    @Option(help: "The model's directory.")
    var output = "checkpoints/demo"
    @Option(help: "Minutes that training on the text may take.")
    var minutes = 1.5
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
        let isTrained = (try? ModelDirectory(contentsOf: output)) != nil
        StandardStreams.note(
            "Choroy's demo: from a text to a chatbot, in about \(Int(minutes.rounded(.up)) + 2) minutes\n"
        )
        let session = try TrainingSession(
            text: TextRequest(paths: [folder], options: TextOptions.parse([])), output: output,
            request: request, resume: true)
        if !isTrained {
            // What an earlier demo made of another model.
            for path in [adapter, merged, quantized] { try removeModel(path) }
            try session.describe(json: false)
            StandardStreams.note("")
        }
        Interrupts.collect()
        try session.train(json: false)
        Interrupts.clear()
        let conversations = FilePath.join(folder, "conversations.txt")
        if (try? ModelDirectory(contentsOf: quantized)) == nil {
            try teach(conversations)
            try shrink()
        }
        try showLadders(session, TextSplit(try Corpus(at: [folder])), conversations)
        try chat(bytes: session.tokenFile.trainingBytes)
    }

    // MARK: - From the model to the chatbot

    private var adapter: String { output + "-chat" }
    private var merged: String { output + "-merged" }
    private var quantized: String { output + "-int8" }

    private func teach(_ conversations: String) throws {
        let options = ["--data", conversations, "--output", adapter]
        say("finetune", [output] + options)
        let command = try Finetune.parse([output] + options + ["--resume"])
        try command.run()
        Interrupts.clear()
    }

    private func shrink() throws {
        try removeModel(merged)
        try removeModel(quantized)
        say("merge", [output, "--adapter", adapter, "--output", merged])
        let merge = try Merge.parse([output, "--adapter", adapter, "--output", merged])
        try merge.run()
        say("quantize", [merged, "--output", quantized])
        let quantize = try Quantize.parse([merged, "--output", quantized])
        try quantize.run()
    }

    /// The command that a person would type for the next step.
    private func say(_ command: String, _ arguments: [String]) {
        let words = arguments.map(TerminalText.shellWord).joined(separator: " ")
        StandardStreams.note("\nchoroy \(command) \(words)")
    }

    /// Removes what an earlier demo made, and nothing but a model or an adapter.
    private func removeModel(_ path: String) throws {
        let files = ["config.json", "adapter_config.json"].map { FilePath.join(path, $0) }
        guard files.contains(where: { FilePath.kind(of: $0) == .file }) else { return }
        try FilePath.remove(path)
    }

    /// Removes an earlier demo that is not wanted any more, and nothing but a training run.
    private func clearOldRun(_ folder: String) throws {
        guard TrainingRecord.exists(in: output) else { return }
        let hash = try TextRequest(paths: [folder], options: TextOptions.parse([])).text {
            _, _, _ in
        }.hash
        let isOfThisText = (try? TrainingRecord(of: output))?.textHash == hash
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

    // MARK: - The ladders

    private func showLadders(
        _ session: TrainingSession, _ split: TextSplit, _ conversations: String
    ) throws {
        var ladder = Ladder()
        ladder.addUniform()
        ladder.addNGrams(
            [1, 2, 3, 4, 6], training: split.training, heldOut: split.validation)
        let texts = EvaluationText.texts(split.validation, encoding: session.tokenizer)
        ladder.add(
            "Transformer",
            Evaluation.evaluate(
                try transformer(output), on: texts,
                convention: .rolling(context: session.plan.context),
                startToken: session.tokenizer.id(ofSpecial: Corpus.separator)))
        StandardStreams.note(
            "\nBits for a byte of text that no model has seen (fewer is better):\n")
        ladder.lines.forEach(StandardStreams.note)

        let examples = try ChatExamples(
            at: [conversations], template: .chatML, encoding: session.tokenizer,
            context: session.plan.context
        ).split.validation
        guard !examples.isEmpty else { return }
        var chats = Ladder()
        for (name, path) in [
            ("Transformer", output), ("+ LoRA", merged), ("+ int8", quantized),
        ] {
            chats.add(name, bitsPerByte: try bitsPerByte(path, examples, session.tokenizer))
        }
        StandardStreams.note(
            "\nBits for a byte of what the assistant says in conversations held back:\n")
        chats.lines.forEach(StandardStreams.note)
    }

    private func transformer(_ path: String) throws -> Transformer {
        let directory = try ModelDirectory(contentsOf: path)
        return try Transformer(directory.config, from: directory.weights, isFrozen: true)
    }

    private func bitsPerByte(_ path: String, _ examples: [ChatExample], _ tokenizer: Tokenizer)
        throws -> Double
    {
        let loss = ChatLoss(of: try transformer(path), on: examples)
        let special = Set(tokenizer.specialTokens.map(\.id))
        let bytes = examples.reduce(0) { sum, example in
            zip(example.tokens, example.isTarget).reduce(sum) { sum, token in
                token.1 && !special.contains(token.0)
                    ? sum + tokenizer.bytes(of: token.0).count : sum
            }
        }
        return loss.nats / Double(max(1, bytes)) / log(2)
    }

    /// A chat with a person, or what a person might say.
    private func chat(bytes: Int) throws {
        StandardStreams.note(
            """

            The model in \(quantized) has read \(Figures.grouped(bytes >> 10)) KB of text for some minutes: it answers \
            in the manner of its text, often beside the point. Larger texts and more minutes make it better.

            """)
        if StandardStreams.inputIsTerminal {
            let command = try Chat.parse([quantized, "--temperature", "0.6"])
            return try command.run()
        }
        let loaded = try LoadedModel.load(quantized)
        try talk(loaded.model, loaded)
    }

    private func talk(_ model: some LanguageModel, _ loaded: LoadedModel) throws {
        var parameters = SamplingParameters()
        parameters.temperature = 0.6
        parameters.seed = 7
        var session = ChatSession(
            model, encoding: loaded.encoding, template: .chatML,
            sampler: try Sampler(parameters), maxTokens: 120, contextLength: loaded.contextLength,
            endOfText: loaded.endOfText)
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
