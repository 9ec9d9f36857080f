import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

extension TrainingSession {
    /// Trains to the end of the plan, or to a request to stop.
    func train(json: Bool, tensorBoard: Bool = false) throws {
        let run = try open()
        text.keep()
        run.repairs.forEach { StandardStreams.note("note: \($0)") }
        if run.isOver {
            StandardStreams.note("\(output): all \(run.trainer.plan.steps) steps are done")
            if json { try printResult(run, tokensPerSecond: nil, evaluateBest(run)) }
            return
        }
        if isResumed { StandardStreams.note("going on after step \(run.trainer.step)") }
        let course = TextCourse(session: self, validation: Self.validation(tokenFile, tokenizer))
        let loop = try TrainingLoop(run, course, output: output, tensorBoard: tensorBoard)
        writeFacts(plan)
        let rate = try loop.train()
        try finish(run, loop.metrics, tokensPerSecond: rate, json: json)
    }

    private func open() throws -> TrainingRun {
        if isResumed {
            return try TrainingRun(
                resuming: output, textHash: textHash, tokenizer: tokenizer, tokens: tokens)
        }
        return try TrainingRun(
            new: output, TrainingRecord(plan: plan, config: config, textHash: textHash, base: base),
            tokenizer: tokenizer, tokens: tokens)
    }

    // MARK: - Looks at the model

    /// The look at validation text that is taken during training: 16 KB of it.
    static func validation(_ file: TokenFile, _ tokenizer: Tokenizer) -> [EvaluationText] {
        file.validationSample(limit: 1 << 14, encoding: tokenizer)
    }

    /// Bytes of validation text that are read at the end, so that a huge text does not take longer
    /// to be judged than to be learned.
    static let finalValidationLimit = 1 << 18

    func evaluate(
        _ model: Transformer, _ texts: [EvaluationText], progress: (Int) -> Void = { _ in }
    ) -> Evaluation? {
        guard !texts.isEmpty else { return nil }
        return Evaluation.evaluate(
            model, on: texts, convention: .rolling(context: plan.context),
            startToken: tokenizer.id(ofSpecial: Corpus.separator), progress: progress)
    }

    /// What the directory's model is, on all that is held back.
    private func evaluateBest(_ run: TrainingRun) throws -> Evaluation? {
        try run.takeBest()
        let texts = tokenFile.validationSample(
            limit: Self.finalValidationLimit, encoding: tokenizer)
        var progress = Progress(
            "validating", total: texts.reduce(0) { $0 + $1.tokens.count }, unit: "tokens")
        defer { progress.clear() }
        return evaluate(run.trainer.model, texts) { progress.update($0) }
    }

    /// What the model writes.
    func sample(_ model: Transformer) -> String {
        guard let start = tokenizer.id(ofSpecial: Corpus.separator) ?? tokens.first,
            let sampler = try? Sampler(SamplingParameters())
        else { return "" }
        let generator = TokenGenerator(
            model, prompt: [start], sampler: sampler, maxTokens: 60, stopTokens: [start],
            contextLength: plan.context)
        return String(decoding: tokenizer.decode(Array(generator)), as: UTF8.self)
    }

    // MARK: - The end

    private func finish(
        _ run: TrainingRun, _ metrics: TrainingMetrics, tokensPerSecond: Double, json: Bool
    ) throws {
        // All is saved; what follows can be stopped anywhere.
        Interrupts.release()
        let result = try evaluateBest(run)
        let copies = MemorizationCheck(
            run.trainer.model, self,
            heldOut: tokenFile.validationSample(limit: 1 << 14, encoding: tokenizer))
        writeFacts(
            run.trainer.plan, result: facts(run, tokensPerSecond: tokensPerSecond, result), copies)
        if json {
            return try printResult(run, tokensPerSecond: tokensPerSecond, result)
        }
        let chart = Chart(
            metrics.losses, title: "loss (nats per token) by step",
            isPlain: !StandardStreams.errorIsTerminal)
        chart.lines.forEach(StandardStreams.note)
        StandardStreams.note(
            "\(Figures.grouped(run.trainer.step)) steps in "
                + "\(Figures.duration(Machine.now() - start)), "
                + "\(Figures.grouped(Int(tokensPerSecond))) tokens/s, peak memory "
                + Figures.megabytes(Machine.peakResidentBytes))
        if let result {
            StandardStreams.note(
                "validation: \(Figures.decimal(result.bitsPerByte, 4)) bits per byte"
                    + (result.standardError.isNaN
                        ? "" : " ± \(Figures.decimal(result.standardError, 4))")
                    + " on \(Figures.grouped(result.bytes)) bytes held back")
        }
        if let best = run.best, best.step < run.trainer.step {
            StandardStreams.note(
                "kept: step \(Figures.grouped(best.step)), since validation rose afterwards")
        }
        copies?.lines.forEach(StandardStreams.note)
        if !isResumed && plan.seconds != nil {
            StandardStreams.note("the same   \(command(run.trainer.plan))")
        }
        StandardStreams.note(
            "the model is in \(output); try: choroy chat \(TerminalText.shellWord(output))")
    }

    private func printResult(
        _ run: TrainingRun, tokensPerSecond: Double?, _ result: Evaluation?
    ) throws {
        let object = facts(run, tokensPerSecond: tokensPerSecond, result)
        try StandardStreams.printLine(JSONWriter.string(.object(object)))
    }

    private func facts(_ run: TrainingRun, tokensPerSecond: Double?, _ result: Evaluation?)
        -> JSONObject
    {
        JSONObject([
            ("model", .string(output)), ("steps", .integer(run.trainer.step)),
            ("parameters", .integer(config.parameterCount)),
            ("tokens", .integer(run.trainer.step * plan.batchTokens)),
            ("seconds", .number(Machine.now() - start)),
            ("tokens_per_second", tokensPerSecond.map { .number($0.rounded()) } ?? .null),
            ("validation_bits_per_byte", result.map { .number($0.bitsPerByte) } ?? .null),
            ("validation_bytes", result.map { .integer($0.bytes) } ?? .null),
            ("best_step", run.best.map { .integer($0.step) } ?? .null),
            ("peak_rss_bytes", .integer(Machine.peakResidentBytes)),
        ])
    }

    /// Notes for a report what the run is and, at its end, how it went.
    private func writeFacts(
        _ plan: TrainingPlan, result: JSONObject? = nil, _ copies: MemorizationCheck? = nil
    ) {
        var facts = RunFacts(directory: output)
        if !isResumed { facts.set("command", .string(command(plan))) }
        facts.setMachine()
        if let result {
            facts.set("result", .object(result))
        }
        if let copies { facts.set("memorization", copies.json) }
        facts.write()
    }
}

/// The course of `choroy train`: judged by bits per byte.
private struct TextCourse: TrainedCourse {
    let session: TrainingSession
    let validation: [EvaluationText]
    let validationKey = "validation_bits_per_byte"
    let lossUnit = "token"
    var countedLoss: Double? { session.tokens.countedLoss }

    /// 6 for each parameter, forward and backward, and the attention's two products.
    var operationsPerToken: Double? {
        let config = session.config
        let width = config.numAttentionHeads * config.headDim
        return 6 * Double(config.parameterCount)
            + 6 * Double(config.numHiddenLayers * session.plan.context * width)
    }

    func look(at model: Transformer) -> Double? {
        session.evaluate(model, validation)?.bitsPerByte
    }

    func sample(of model: Transformer) -> String { session.sample(model) }

    func samples(at validation: Int) -> Bool { validation == 1 || validation % 5 == 0 }

    func words(at step: Int, _ look: TrainingLoop.Look) -> String? {
        guard let sample = look.sample, look.number % 5 == 0, step < session.plan.steps else {
            return nil
        }
        let line = sample.split(whereSeparator: \.isNewline).joined(separator: " / ")
        return "step \(step), \(Figures.decimal(look.loss, 3)) bits per byte: "
            + "\"\(TerminalText.visible(line))\""
    }

    func details(_ validation: Double?, best: Double?) -> String {
        validation.map { ", validation \(Figures.decimal($0, 3)) bits/byte" } ?? ""
    }
}
