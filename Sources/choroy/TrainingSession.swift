import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One call of `choroy train`: from the text to the end of the run.
struct TrainingSession {
    let tokenizer: Tokenizer
    let config: TransformerConfig
    let plan: TrainingPlan
    let start = Machine.now()
    let output: String
    let text: SessionText
    private(set) var request: TrainingRequest
    let tokenFile: TokenFile
    let tokens: TrainingTokens
    let textHash: String
    let isResumed: Bool
    /// What the weights begin with, when they are those of another model.
    let base: TrainingRecord.Base?
    /// What the work costs here, as measured; nil for a run that goes on.
    let trial: SpeedTrial?

    /// Why the plan is as it is, when the time decided; else empty.
    private var reasons: [String] = []

    /// Reads the text and settles tokenizer, model and plan. What it writes, the token file, goes
    /// again when the run does not begin.
    init(text textRequest: TextRequest, output: String, request: TrainingRequest, resume: Bool)
        throws
    {
        self.request = request
        self.output = output
        try Self.checkPlace(output)
        isResumed = resume && TrainingRecord.exists(in: output)
        var request = request
        if isResumed {
            let record = try TrainingRecord(of: output)
            base = record.base
            tokenizer = try Tokenizer(contentsOf: output)
            try ModelDirectory.check(tokenizer, belongsTo: record.config, in: output)
            try request.check(record, tokenizer)
            text = try SessionText(textRequest, output: output)
            textHash = text.text.hash
            try record.check(textHash: textHash, in: output)
            (plan, config) = (record.plan, record.config)
            tokenFile = try text.tokens(tokenizer)
            tokens = TrainingTokens(tokenFile)
            trial = nil
            return
        }
        try Self.checkIsNew(output, resume: resume)
        let starting = try request.from.map { try StartingModel(at: $0) }
        request = try starting?.settle(request) ?? request
        base = starting?.base
        text = try SessionText(textRequest, output: output)
        textHash = text.text.hash
        tokenizer =
            try starting?.tokenizer ?? request.tokenizer.map { try Tokenizer(contentsOf: $0) }
            ?? text.newTokenizer(vocabSize: request.vocabSize)
        tokenFile = try text.tokens(tokenizer)
        tokens = TrainingTokens(tokenFile)
        if let seconds = request.seconds, request.leavesSize, starting == nil {
            let rate = try Self.referenceRate(
                tokens, vocabSize: tokenizer.vocabularySize, seconds: min(1.5, seconds / 60))
            let share = rate.map { $0 / Preset.referenceTokensPerSecond } ?? 0
            let preset = Preset.suited(
                to: seconds * share, tokens: tokens.count, vocabSize: tokenizer.vocabularySize)
            let larger = Preset.suited(to: seconds * share)
            let limit =
                larger == preset
                ? ""
                : ", but the text's \(Figures.grouped(tokens.count)) tokens "
                    + "are too few for \(larger.rawValue)"
            request.preset = preset
            reasons.append(
                preset.rawValue
                    + (rate.map {
                        ", since this machine trains micro at \(Figures.grouped(Int($0))) tokens/s "
                            + "and has \(Figures.duration(seconds))\(limit)"
                    } ?? ", since the text has no context of a larger one"))
        }
        self.request = request
        config = try starting?.config ?? request.config(tokenizer)
        let first = try request.plan(
            steps: request.steps ?? 1000, tokens: tokens.count, parameters: config.parameterCount)
        if let problem = PretrainingBatches.problem(tokens, context: first.context) {
            let isAll = problem.tokens == tokens.count
            throw FileError(
                textRequest.paths.joined(separator: ", "),
                expected: "more than one context of \(first.context) tokens to learn from"
                    + (isAll ? "" : " in the files of weight \(problem.weight)"),
                found: "\(problem.tokens) tokens (a shorter --context may do)")
        }
        try Self.checkMemory(first.memoryEstimate(config, textBytes: tokenFile.bytesInMemory))
        var trial = try SpeedTrial(
            config: config, plan: first, tokens: tokens, validation: tokenFile,
            tokenizer: tokenizer,
            seconds: request.seconds.map { min(2, $0 / 20) } ?? 0.5)
        guard let seconds = request.seconds else {
            self.trial = trial
            plan = first
            return
        }
        var plan = try request.plan(
            steps: trial.steps(in: seconds - (Machine.now() - start)), tokens: tokens.count,
            parameters: config.parameterCount)
        if (plan.dropout > 0) != (first.dropout > 0) {
            // Dropout depends on the number of steps, and a step's time on dropout.
            trial = try SpeedTrial(
                config: config, plan: plan, tokens: tokens, validation: tokenFile,
                tokenizer: tokenizer,
                seconds: min(2, seconds / 20))
            plan = try request.plan(
                steps: trial.steps(in: seconds - (Machine.now() - start)), tokens: tokens.count,
                parameters: config.parameterCount)
        }
        self.trial = trial
        plan.seconds = max(1, seconds - (Machine.now() - start) - trial.secondsAtEnd - 0.3)
        if request.dropout == nil {
            let epochs = Double(plan.steps * plan.batchTokens) / Double(max(1, tokens.count))
            reasons.append(
                "dropout \(Figures.decimal(Double(plan.dropout), 2)), since the text is seen about "
                    + "\(Figures.decimal(epochs, 0)) times, with "
                    + "\(Figures.decimal(Double(config.parameterCount) / Double(max(1, tokens.count)), 1)) "
                    + "parameters for each of its tokens")
        }
        reasons.append("the end is moved when steps turn out to take longer or shorter")
        self.plan = plan
    }

    /// Tokens a second of training `micro` on these tokens, nil when there are too few of them.
    private static func referenceRate(
        _ tokens: TrainingTokens, vocabSize: Int, seconds: Double
    ) throws -> Double? {
        let shape = Preset.micro.shape
        guard PretrainingBatches.problem(tokens, context: shape.context) == nil else { return nil }
        let config = Preset.micro.config(vocabSize: vocabSize)
        let batchSize = Preset.micro.batchTokens / shape.context
        let plan = TrainingPlan(
            steps: 1 << 20, context: shape.context,
            batchSize: batchSize,
            lanes: TrainingPlan.lanes(
                parameters: config.parameterCount, context: shape.context, batchSize: batchSize),
            precision: .fastest)
        let model = try Transformer(config, from: ParameterSource(seed: 1))
        let trainer = Trainer(model, tokens: tokens, plan: plan)
        _ = trainer.next()
        let start = Machine.now()
        let first = trainer.step
        repeat { _ = trainer.next() } while Machine.now() - start < seconds
        return Double((trainer.step - first) * plan.batchTokens) / (Machine.now() - start)
    }

    /// Finds out early what would fail late: a place where no directory can be made.
    static func checkPlace(_ output: String) throws {
        var place = output
        while FilePath.kind(of: place) == .missing {
            let above = FilePath.directory(of: place)
            if above == place { break }
            place = above
        }
        guard FilePath.kind(of: place) == .directory else {
            throw FileError(place, expected: "a directory", found: "a file")
        }
        guard unsafe access(place, W_OK | X_OK) == 0 else {
            throw SystemError.file(place, expected: "a directory that can be written")
        }
    }

    /// A directory that holds something else is not written into; one that has only what a run
    /// killed at its start left may be.
    static func checkIsNew(_ output: String, resume: Bool) throws {
        func has(_ name: String) -> Bool {
            FilePath.kind(of: FilePath.join(output, name)) != .missing
        }
        if TrainingRecord.exists(in: output) {
            throw FileError(
                output, expected: "a new directory, or --resume", found: "a training run")
        }
        if has("training/lock") && !has("model.safetensors") && !has("adapter_model.safetensors") {
            return
        }
        for (name, found) in [
            ("config.json", "another model"), ("model.safetensors", "another model"),
            ("adapter_config.json", "an adapter"), ("tokenizer.json", "a tokenizer"),
        ] where has(name) {
            throw FileError(output, expected: "a new directory", found: found)
        }
    }

    static func checkMemory(_ bytes: Int) throws {
        let limit = Machine.memoryBytes
        guard bytes <= limit else {
            throw FileError(
                "memory", expected: "at most the \(Figures.megabytes(limit)) of this machine",
                found: "a need for about \(Figures.megabytes(bytes)); a smaller model or shorter "
                    + "--context needs less")
        }
    }

    // MARK: - Before the start

    /// Says what will be done: on standard error, or as JSON on standard output.
    func describe(json: Bool) throws {
        let (bytes, held) = (tokenFile.trainingBytes, tokenFile.validationBytes)
        let memory = plan.memoryEstimate(config, textBytes: tokenFile.bytesInMemory)
        let seconds = trial?.seconds(of: plan)
        if json {
            let object = JSONObject([
                ("training_bytes", .integer(bytes)), ("validation_bytes", .integer(held)),
                ("training_tokens", .integer(tokens.count)), ("plan", plan.json),
                ("model", config.json), ("parameters", .integer(config.parameterCount)),
                ("memory_bytes", .integer(memory)),
                ("tokens_per_second", trial.map { .number($0.tokensPerSecond.rounded()) } ?? .null),
                ("seconds", seconds.map { .number($0.rounded(.up)) } ?? .null),
                ("command", .string(command(plan))),
            ])
            return try StandardStreams.printLine(
                JSONWriter.string(.object(object), indentation: 2))
        }
        let perToken = Double(bytes) / Double(max(1, tokens.count))
        let epochs = Double(plan.steps) * Double(plan.batchTokens) / Double(max(1, tokens.count))
        let layers = config.numHiddenLayers == 1 ? "1 layer" : "\(config.numHiddenLayers) layers"
        let heads =
            config.numAttentionHeads == 1 ? "1 head" : "\(config.numAttentionHeads) heads"
        var lines = [
            "text       \(Figures.grouped(bytes)) bytes to learn from, \(Figures.grouped(held)) held back",
            "tokenizer  \(Figures.grouped(tokenizer.vocabularySize)) tokens, "
                + "\(Figures.decimal(perToken, 2)) bytes each on this text",
            "model      \(layers), \(config.hiddenSize) wide, \(heads), context "
                + "\(config.maxPositionEmbeddings): "
                + "\(Figures.grouped(config.parameterCount)) parameters",
            "plan       \(Figures.grouped(plan.steps)) steps of \(Figures.grouped(plan.batchTokens)) "
                + "tokens (the text \(Figures.decimal(epochs, 1)) times), learning rate "
                + "\(plan.learningRate) (\(plan.optimizer.method.rawValue), "
                + "\(plan.scheduleShape.rawValue)), dropout \(Figures.decimal(Double(plan.dropout), 2)), "
                + "\(plan.precision.rawValue), seed \(plan.seed)",
            "memory     about \(Figures.megabytes(memory))",
        ]
        if let trial, let seconds {
            lines.append(
                "time       about \(Figures.duration(seconds)) to go, at "
                    + "\(Figures.grouped(Int(trial.tokensPerSecond))) tokens/s as measured; "
                    + "ends at about \(Machine.clock(after: seconds))")
        }
        if !reasons.isEmpty { lines.append("chosen     " + reasons.joined(separator: "; ")) }
        // The end of a timed run may move: it tells at its end how to do the same.
        if !isResumed && plan.seconds == nil { lines.append("the same   \(command(plan))") }
        lines.forEach(StandardStreams.note)
    }

    /// The command that does the same in any amount of time.
    func command(_ plan: TrainingPlan) -> String {
        let words = ["choroy", "train"] + text.request.words + ["--output", output]
        return words.map(TerminalText.shellWord).joined(separator: " ") + " "
            + request.command(plan, config)
    }
}

extension TokenFile {
    /// Bytes of the text that are in memory at once: those that a new tokenizer is trained on.
    var bytesInMemory: Int { min(trainingBytes, TrainingText.sampleLimit) }
}
