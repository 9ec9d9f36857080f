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

extension FineTuningSession {
    /// Trains to the end, or to a request to stop.
    func train(json: Bool) throws {
        let run =
            isResumed
            ? try FineTuningRun(resuming: output, record, base: base, training: training)
            : try FineTuningRun(new: output, record, base: base, training: training)
        run.repairs.forEach { StandardStreams.note("note: \($0)") }
        let trainer = run.trainer
        if run.isOver {
            StandardStreams.note("\(output): done after \(trainer.step) steps")
            if json { try printResult(run, tokensPerSecond: nil, finalLoss(run)) }
            return
        }
        if isResumed { StandardStreams.note("going on after step \(trainer.step)") }
        let metrics = try TrainingMetrics(
            directory: output, keepingUpTo: trainer.step, validation: "validation_loss")
        if trainer.step == 0, let loss = loss(trainer.model) {
            StandardStreams.note("before     \(Self.words(loss))")
        }
        let (firstStep, firstTokens) = (trainer.step, trainer.tokens)
        var progress = Progress("training", total: plan.steps, unit: "steps", from: firstStep)
        let begin = Machine.now()
        let lineInterval = max(1, plan.steps / 1000)
        var smooth: Double?
        var failure: (any Error)?
        while !run.isOver, let report = trainer.next() {
            if report.isFinite {
                smooth = smooth.map { 0.95 * $0 + 0.05 * report.loss } ?? report.loss
            } else {
                progress.note("step \(report.step): loss or gradient is not finite; skipped")
                if trainer.nonFiniteSteps >= 3 {
                    progress.note(
                        "choroy: \(output): expected a finite loss, found none in three steps; "
                            + "a smaller --learning-rate in a new directory may help")
                    throw ExitCode(4)
                }
            }
            let seconds = Machine.now() - begin
            let rate = Double(report.tokens - firstTokens) / seconds
            let evaluates =
                report.step % plan.evaluationInterval == 0 || report.step == plan.steps
            var validation: Double?
            if evaluates, let loss = loss(trainer.model) {
                validation = loss
                let isBest = run.note(validationLoss: loss)
                progress.note(
                    "step \(report.step): \(Self.words(loss))\(isBest ? ", the best" : "")"
                        + sample(trainer.model))
            }
            if evaluates || report.step % lineInterval == 0 {
                metrics.append(
                    report, seconds: metrics.earlierSeconds + seconds, tokensPerSecond: rate,
                    validation: validation)
            }
            let stops = Interrupts.requested
            if evaluates || stops {
                do {
                    try run.save()
                    failure = nil
                } catch {
                    failure = error
                    progress.note(stops ? "not saved: \(error)" : "not saved, going on: \(error)")
                }
            }
            if stops {
                progress.clear()
                StandardStreams.note(
                    "stopped after step \(report.step)"
                        + (failure == nil ? ", saved; --resume goes on" : ", not saved"))
                throw Interrupts.exitCode
            }
            progress.update(
                report.step,
                details: "\(Figures.grouped(Int(rate))) tokens/s, loss "
                    + Figures.decimal(smooth ?? .nan, 3)
                    + (run.best.map { ", best \(Figures.decimal($0.loss, 3))" } ?? ""))
        }
        progress.clear()
        if let failure { throw failure }
        let rate = Double(trainer.tokens - firstTokens) / (Machine.now() - begin)
        try finish(run, metrics, tokensPerSecond: rate, json: json)
    }

    // MARK: - Looks at the model

    /// "validation 1.234 nats a token, perplexity 3.4"
    private static func words(_ loss: Double) -> String {
        "validation \(Figures.decimal(loss, 4)) nats a token, perplexity "
            + Figures.decimal(exp(min(loss, 25)), 2)
    }

    private func loss(_ model: Transformer) -> Double? {
        look.isEmpty ? nil : ChatLoss(of: model, on: look).mean
    }

    /// The loss of what is published on all that was held back.
    private func finalLoss(_ run: FineTuningRun) -> Double? {
        if validation.isEmpty { return nil }
        run.takeBest()
        return ChatLoss(of: run.trainer.model, on: validation).mean
    }

    /// What the model answers to the first question of the data, in a line.
    private func sample(_ model: Transformer) -> String {
        guard let messages = data.question, let question = messages.last,
            let sampler = try? Sampler(SamplingParameters.greedy)
        else { return "" }
        var session = ChatSession(
            model, encoding: base.tokenizer, template: .chatML,
            system: messages.first.flatMap { $0.role == .system ? $0.content : nil },
            sampler: sampler, maxTokens: 48, contextLength: base.config.maxPositionEmbeddings)
        guard let reply = try? session.reply(to: question.content, { _ in true }) else { return "" }
        func line(_ text: String) -> String {
            let line = text.split(whereSeparator: \.isNewline).joined(separator: " / ")
            return line.count > 100 ? "\(line.prefix(100))…" : line
        }
        return TerminalText.visible(
            "\n    User: \(line(question.content))\n    Assistant: \(line(reply.text))")
    }

    // MARK: - The end

    private func finish(
        _ run: FineTuningRun, _ metrics: TrainingMetrics, tokensPerSecond: Double, json: Bool
    ) throws {
        // All is saved; what follows can be stopped anywhere.
        Interrupts.release()
        let loss = finalLoss(run)
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

    private func printResult(_ run: FineTuningRun, tokensPerSecond: Double?, _ loss: Double?) throws
    {
        let object = JSONObject([
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
        try StandardStreams.printLine(JSONWriter.string(.object(object)))
    }
}
