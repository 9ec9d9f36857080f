import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining

/// One call of `choroy train`: from the text to the end of the run.
struct TrainingSession {
    let tokenizer: Tokenizer
    let config: TransformerConfig
    let plan: TrainingPlan
    private let start = Machine.now()
    private let output: String
    private let text: [String]
    private let request: TrainingRequest
    let split: TextSplit
    private let tokens: [TokenID]
    private let textHash: String
    private let isResumed: Bool
    /// Tokens a second, as measured; nil when the plan did not need it.
    private let speed: Double?

    /// Reads the text and settles tokenizer, model and plan; writes nothing.
    init(text: [String], output: String, request: TrainingRequest, resume: Bool) throws {
        self.text = text
        self.output = output
        self.request = request
        let corpus = try Corpus(at: text)
        split = TextSplit(corpus)
        textHash = Self.hash(corpus)
        isResumed = resume && TrainingRecord.exists(in: output)
        if isResumed {
            let record = try TrainingRecord(of: output)
            try record.check(textHash: textHash, in: output)
            (plan, config) = (record.plan, record.config)
            tokenizer = try Tokenizer(contentsOf: output)
            tokens = Self.tokens(split, tokenizer)
            speed = nil
            return
        }
        try Self.checkIsNew(output)
        if let path = request.tokenizer {
            tokenizer = try Tokenizer(contentsOf: path)
        } else {
            let size = request.vocabSize ?? Preset.vocabularySize(forBytes: corpus.byteCount)
            tokenizer = try BPETrainer(vocabularySize: size).train(split.training)
        }
        config = try request.config(tokenizer)
        tokens = Self.tokens(split, tokenizer)
        let trial = try request.plan(steps: request.steps ?? 1000, tokens: tokens.count)
        guard tokens.count > trial.context else {
            throw FileError(
                text.joined(separator: " "),
                expected: "more than one context of \(trial.context) tokens to learn from",
                found: "\(tokens.count) tokens (a shorter --context may do)")
        }
        guard let seconds = request.seconds else {
            plan = trial
            speed = nil
            return
        }
        let measured = try SpeedTrial(
            config: config, plan: trial, tokens: tokens,
            validation: Self.validation(split, tokenizer))
        let left = seconds - (Machine.now() - start)
        plan = try request.plan(
            steps: measured.steps(in: left, parameters: config.parameterCount),
            tokens: tokens.count)
        speed = measured.tokensPerSecond
    }

    /// A directory that holds something else is not written into.
    private static func checkIsNew(_ output: String) throws {
        if FilePath.kind(of: output) == .file || FilePath.kind(of: output) == .other {
            throw FileError(output, expected: "a directory", found: "a file")
        }
        guard
            TrainingRecord.exists(in: output) || FilePath.kind(of: "\(output)/config.json") == .file
        else { return }
        throw FileError(
            output, expected: "a new directory, or --resume",
            found: TrainingRecord.exists(in: output) ? "a training run" : "another model")
    }

    private static func tokens(_ split: TextSplit, _ tokenizer: Tokenizer) -> [TokenID] {
        TextSplit.tokens(
            split.training, encoding: tokenizer, end: tokenizer.id(ofSpecial: Corpus.separator))
    }

    /// The look at validation text that is taken during training: 16 KB of it.
    private static func validation(_ split: TextSplit, _ tokenizer: Tokenizer) -> [EvaluationText] {
        EvaluationText.texts(split.validationSample(limit: 1 << 14), encoding: tokenizer)
    }

    private static func hash(_ corpus: Corpus) -> String {
        var hash = SHA256()
        for document in corpus.documents {
            hash.update("\(document.count)\n".utf8)
            hash.update(document)
        }
        return hash.finalize()
    }

    // MARK: - Before the start

    /// Says what will be done: on standard error, or as JSON on standard output.
    func describe(json: Bool) throws {
        let bytes = split.training.reduce(0) { $0 + $1.count }
        let held = split.validation.reduce(0) { $0 + $1.count }
        let memory = plan.memoryEstimate(config)
        let steps = Double(plan.steps)
        let epochs = steps * Double(plan.batchTokens) / Double(tokens.count)
        if json {
            let object = JSONObject([
                ("training_bytes", .integer(bytes)), ("validation_bytes", .integer(held)),
                ("training_tokens", .integer(tokens.count)), ("plan", plan.json),
                ("model", config.json), ("parameters", .integer(config.parameterCount)),
                ("memory_bytes", .integer(memory)),
                ("tokens_per_second", speed.map { .number($0.rounded()) } ?? .null),
                ("command", .string(request.command(plan, config))),
            ])
            return try StandardStreams.printLine(
                JSONWriter.string(.object(object), indentation: 2))
        }
        let perToken = Double(bytes) / Double(max(1, tokens.count))
        var lines = [
            "text       \(Figures.grouped(bytes)) bytes to learn from, \(Figures.grouped(held)) held back",
            "tokenizer  \(Figures.grouped(tokenizer.vocabularySize)) tokens, "
                + "\(Figures.decimal(perToken, 2)) bytes each on this text",
            "model      \(config.numHiddenLayers) layers, \(config.hiddenSize) wide, "
                + "\(config.numAttentionHeads) heads, context \(config.maxPositionEmbeddings): "
                + "\(Figures.grouped(config.parameterCount)) parameters",
            "plan       \(Figures.grouped(plan.steps)) steps of \(Figures.grouped(plan.batchTokens)) "
                + "tokens (the text \(Figures.decimal(epochs, 1)) times), learning rate "
                + "\(plan.learningRate), dropout \(Figures.decimal(Double(plan.dropout), 2)), seed \(plan.seed)",
            "memory     about \(Figures.grouped(memory >> 20)) MB",
        ]
        if let speed, let seconds = request.seconds {
            lines.append(
                "time       \(Figures.duration(seconds)) in all, at "
                    + "\(Figures.grouped(Int(speed))) tokens/s as measured; "
                    + "ends at about \(Machine.clock(after: seconds - (Machine.now() - start)))")
        }
        if !isResumed {
            lines.append(
                "the same   choroy train \(text.joined(separator: " ")) --output \(output) "
                    + request.command(plan, config))
        }
        lines.forEach(StandardStreams.note)
    }

    // MARK: - The run

    /// Trains to the end of the plan, or to a request to stop.
    func train(json: Bool) throws {
        let run = try open()
        run.damaged.forEach {
            StandardStreams.note("note: passed over a damaged checkpoint: \($0)")
        }
        let trainer = run.trainer
        if trainer.step >= plan.steps {
            StandardStreams.note("\(output): all \(plan.steps) steps are done")
            return
        }
        if isResumed { StandardStreams.note("going on after step \(trainer.step)") }
        let metrics = try TrainingMetrics(directory: output, keepingUpTo: trainer.step)
        var progress = Progress("training", total: plan.steps, unit: "steps")
        let validation = Self.validation(split, tokenizer)
        let first = trainer.step
        let begin = Machine.now()
        let lineInterval = max(1, plan.steps / 1000)
        var bits: Double?
        var smooth: Double?
        var saveFailure: (any Error)?
        var isSaved = false
        for report in trainer {
            isSaved = false
            if report.isFinite {
                smooth = smooth.map { 0.95 * $0 + 0.05 * report.loss } ?? report.loss
            } else {
                progress.note("step \(report.step): loss or gradient is not finite; skipped")
                if trainer.nonFiniteSteps >= 3 { throw ExitCode(4) }
            }
            let seconds = Machine.now() - begin
            let rate = Double((report.step - first) * plan.batchTokens) / seconds
            let evaluates =
                report.step % plan.evaluationInterval == 0 || report.step == plan.steps
            if evaluates {
                bits = evaluate(trainer.model, validation)
            }
            if evaluates || report.step % lineInterval == 0 {
                metrics.append(
                    report, seconds: metrics.earlierSeconds + seconds, tokensPerSecond: rate,
                    bitsPerByte: evaluates ? bits : nil)
            }
            let stops = Interrupts.requested
            if evaluates || stops {
                do {
                    try run.save()
                    saveFailure = nil
                    isSaved = true
                } catch {
                    saveFailure = error
                    progress.note("not saved, going on: \(error)")
                }
            }
            if evaluates, metrics.validations.count % 5 == 0, report.step < plan.steps {
                progress.note(
                    "step \(report.step), \(Figures.decimal(bits ?? .nan, 3)) bits per byte: "
                        + sample(trainer.model))
            }
            if stops {
                progress.clear()
                StandardStreams.note(
                    "stopped after step \(report.step)"
                        + (isSaved ? ", saved; --resume goes on" : ", not saved"))
                throw Interrupts.exitCode
            }
            progress.update(
                report.step,
                details: "\(Figures.grouped(Int(rate))) tokens/s, loss "
                    + Figures.decimal(smooth ?? .nan, 3)
                    + (bits.map { ", validation \(Figures.decimal($0, 3)) bits/byte" } ?? ""))
        }
        progress.clear()
        if let saveFailure { throw saveFailure }
        let seconds = Machine.now() - begin
        try finish(
            trainer, metrics,
            tokensPerSecond: Double((plan.steps - first) * plan.batchTokens) / seconds,
            json: json)
    }

    private func open() throws -> TrainingRun {
        if isResumed {
            return try TrainingRun(resuming: output, textHash: textHash, tokens: tokens)
        }
        return try TrainingRun(
            new: output, TrainingRecord(plan: plan, config: config, textHash: textHash),
            tokenizer: tokenizer, tokens: tokens)
    }

    private func evaluate(_ model: Transformer, _ texts: [EvaluationText]) -> Double? {
        guard !texts.isEmpty else { return nil }
        return Evaluation.evaluate(
            model, on: texts, convention: .rolling(context: plan.context),
            startToken: tokenizer.id(ofSpecial: Corpus.separator)
        ).bitsPerByte
    }

    /// A line of what the model writes.
    private func sample(_ model: Transformer) -> String {
        guard let start = tokenizer.id(ofSpecial: Corpus.separator) ?? tokens.first,
            let sampler = try? Sampler(SamplingParameters())
        else { return "" }
        let generator = TokenGenerator(
            model, prompt: [start], sampler: sampler, maxTokens: 60, stopTokens: [start],
            contextLength: plan.context)
        let text = String(decoding: tokenizer.decode(Array(generator)), as: UTF8.self)
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " / ")
        return "\"\(TerminalText.visible(line))\""
    }

    private func finish(
        _ trainer: Trainer, _ metrics: TrainingMetrics, tokensPerSecond: Double, json: Bool
    ) throws {
        let texts = EvaluationText.texts(split.validation, encoding: tokenizer)
        let result =
            texts.isEmpty
            ? nil
            : Evaluation.evaluate(
                trainer.model, on: texts, convention: .rolling(context: plan.context),
                startToken: tokenizer.id(ofSpecial: Corpus.separator))
        if json {
            let object = JSONObject([
                ("model", .string(output)), ("steps", .integer(trainer.step)),
                ("parameters", .integer(config.parameterCount)),
                ("tokens", .integer(trainer.step * plan.batchTokens)),
                ("seconds", .number(Machine.now() - start)),
                ("tokens_per_second", .number(tokensPerSecond.rounded())),
                ("validation_bits_per_byte", result.map { .number($0.bitsPerByte) } ?? .null),
                ("validation_bytes", result.map { .integer($0.bytes) } ?? .null),
                ("peak_rss_bytes", .integer(Machine.peakResidentBytes)),
            ])
            return try StandardStreams.printLine(JSONWriter.string(.object(object)))
        }
        let chart = Chart(
            metrics.losses.map { (x: $0.x, y: $0.y) }, title: "loss (nats per token) by step",
            isPlain: !StandardStreams.errorIsTerminal)
        chart.lines.forEach(StandardStreams.note)
        StandardStreams.note(
            "\(Figures.grouped(trainer.step)) steps in "
                + "\(Figures.duration(Machine.now() - start)), "
                + "\(Figures.grouped(Int(tokensPerSecond))) tokens/s, peak memory "
                + "\(Figures.grouped(Machine.peakResidentBytes >> 20)) MB")
        if let result {
            StandardStreams.note(
                "validation: \(Figures.decimal(result.bitsPerByte, 4)) bits per byte"
                    + (result.standardError.isNaN
                        ? "" : " ± \(Figures.decimal(result.standardError, 4))")
                    + " on \(Figures.grouped(result.bytes)) bytes held back")
        }
        StandardStreams.note("the model is in \(output); try: choroy chat \(output)")
    }
}
