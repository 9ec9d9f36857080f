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

extension FineTuningSession: TrainedCourse {
    /// Trains to the end, or to a request to stop.
    func train(json: Bool, tensorBoard: Bool = false) throws {
        let run =
            isResumed
            ? try TrainingRun(resuming: output, record, base: base, training: training)
            : try TrainingRun(new: output, record, base: base, training: training)
        run.repairs.forEach { StandardStreams.note("note: \($0)") }
        if run.isOver {
            StandardStreams.note("\(output): done after \(run.trainer.step) steps")
            if json { try printResult(run, tokensPerSecond: nil, try finalLoss(run)) }
            return
        }
        if isResumed { StandardStreams.note("going on after step \(run.trainer.step)") }
        let loop = try TrainingLoop(run, self, output: output, tensorBoard: tensorBoard)
        writeFacts()
        if run.trainer.step == 0, let loss = look(at: run.trainer.model) {
            StandardStreams.note("before     \(Self.words(loss))")
        }
        let rate = try loop.train()
        try finish(run, loop.metrics, tokensPerSecond: rate, json: json)
    }

    // MARK: - Looks at the model

    /// "validation 1.234 nats a token, perplexity 3.4"
    private static func words(_ loss: Double) -> String {
        "validation \(Figures.decimal(loss, 4)) nats a token, perplexity "
            + Figures.decimal(exp(min(loss, 25)), 2)
    }

    var validationKey: String { "validation_loss" }
    var lossUnit: String { "target" }
    var countedLoss: Double? { nil }

    /// Frozen parts cost less than those that are trained; there is no one number.
    var operationsPerToken: Double? { nil }

    func look(at model: Transformer) -> Double? {
        look.isEmpty ? nil : ChatLoss(of: model, on: look).mean
    }

    func samples(at validation: Int) -> Bool { true }

    func words(at step: Int, _ look: TrainingLoop.Look) -> String? {
        "step \(step): \(Self.words(look.loss))\(look.isBest ? ", the best" : "")"
            + (look.sample ?? "").split(separator: "\n").map { line in
                let short = line.count > 120 ? "\(line.prefix(120))…" : line
                return "\n    \(TerminalText.visible(String(short)))"
            }.joined()
    }

    func details(_ validation: Double?, best: Double?) -> String {
        best.map { ", best \(Figures.decimal($0, 3))" } ?? ""
    }

    /// The loss of what is published on all that was held back.
    private func finalLoss(_ run: TrainingRun) throws -> Double? {
        if validation.isEmpty { return nil }
        try run.takeBest()
        return ChatLoss(of: run.trainer.model, on: validation).mean
    }

    /// What the model answers to the first question of the data, in a line.
    func sample(of model: Transformer) -> String {
        guard let messages = data.question, let question = messages.last,
            let sampler = try? Sampler(SamplingParameters.greedy)
        else { return "" }
        var session = ChatSession(
            model, encoding: base.tokenizer, template: .chatML,
            system: messages.first.flatMap { $0.role == .system ? $0.content : nil },
            sampler: sampler, maxTokens: 48, contextLength: base.config.maxPositionEmbeddings)
        guard let reply = try? session.reply(to: question.content, { _ in true }) else { return "" }
        func line(_ text: String) -> String {
            text.split(whereSeparator: \.isNewline).joined(separator: " / ")
        }
        return "User: \(line(question.content))\nAssistant: \(line(reply.text))"
    }

    // MARK: - The end

    private func finish(
        _ run: TrainingRun, _ metrics: TrainingMetrics, tokensPerSecond: Double, json: Bool
    ) throws {
        // All is saved; what follows can be stopped anywhere.
        Interrupts.release()
        let loss = try finalLoss(run)
        writeFacts(result: facts(run, tokensPerSecond: tokensPerSecond, loss))
        if json { return try printResult(run, tokensPerSecond: tokensPerSecond, loss) }
        let chart = Chart(
            metrics.losses, title: "loss (nats per target) by step",
            isPlain: !StandardStreams.errorIsTerminal)
        chart.lines.forEach(StandardStreams.note)
        let step = run.trainer.step
        StandardStreams.note(
            "\(Figures.grouped(step)) steps in \(Figures.duration(Machine.now() - start)), "
                + "\(Figures.grouped(Int(tokensPerSecond))) tokens/s, peak memory "
                + Figures.megabytes(Machine.peakResidentBytes)
                + (step < plan.steps
                    ? "; ended early, \(run.waiting) validations without a better one" : ""))
        if let best = run.best, let loss {
            StandardStreams.note(
                "kept: step \(Figures.grouped(best.step)), \(Self.words(loss)), on "
                    + "\(Figures.grouped(validation.count)) conversations held back")
        }
        let (model, result) = (TerminalText.shellWord(modelPath), TerminalText.shellWord(output))
        let isAdapter = record.method != .full
        StandardStreams.note(
            "the \(isAdapter ? "adapter" : "model") is in \(output); try: choroy chat "
                + (isAdapter ? "\(model) --adapter \(result)" : result))
    }

    private func printResult(_ run: TrainingRun, tokensPerSecond: Double?, _ loss: Double?) throws {
        let object = facts(run, tokensPerSecond: tokensPerSecond, loss)
        try StandardStreams.printLine(JSONWriter.string(.object(object)))
    }

    private func facts(_ run: TrainingRun, tokensPerSecond: Double?, _ loss: Double?) -> JSONObject
    {
        JSONObject([
            ("output", .string(output)), ("method", .string(record.method.name)),
            ("steps", .integer(run.trainer.step)),
            ("best_step", run.best.map { .integer($0.step) } ?? .null),
            ("validation_loss", loss.map { .number($0) } ?? .null),
            ("validation_conversations", .integer(validation.count)),
            ("trainable_parameters", .integer(trainableCount)),
            ("tokens", .integer(run.trainer.tokens)),
            ("seconds", .number(Machine.now() - start)),
            ("tokens_per_second", tokensPerSecond.map { .number($0.rounded()) } ?? .null),
            ("peak_rss_bytes", .integer(Machine.peakResidentBytes)),
        ])
    }

    /// Notes for a report what the run is and, at its end, how it went.
    private func writeFacts(result: JSONObject? = nil) {
        var facts = RunFacts(directory: output)
        if !isResumed { facts.set("command", .string(command)) }
        facts.setMachine()
        if let result { facts.set("result", .object(result)) }
        facts.write()
    }
}
