import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

extension TrainingSession {
    /// Trains to the end of the plan, or to a request to stop.
    func train(json: Bool) throws {
        let run = try open()
        text.keep()
        run.repairs.forEach { StandardStreams.note("note: \($0)") }
        let trainer = run.trainer
        if trainer.step >= plan.steps {
            StandardStreams.note("\(output): all \(plan.steps) steps are done")
            if json { try printResult(trainer, tokensPerSecond: nil, evaluateAll(trainer.model)) }
            return
        }
        if isResumed { StandardStreams.note("going on after step \(trainer.step)") }
        let metrics = try TrainingMetrics(directory: output, keepingUpTo: trainer.step)
        let first = trainer.step
        var progress = Progress("training", total: plan.steps, unit: "steps", from: first)
        let validation = Self.validation(tokenFile, tokenizer)
        let begin = Machine.now()
        let lineInterval = max(1, plan.steps / 1000)
        var bits: Double?
        var smooth: Double?
        var failure: (any Error)?
        for report in trainer {
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
            let rate = Double((report.step - first) * plan.batchTokens) / seconds
            let evaluates =
                report.step % plan.evaluationInterval == 0 || report.step == plan.steps
            if evaluates { bits = evaluate(trainer.model, validation)?.bitsPerByte }
            if evaluates || report.step % lineInterval == 0 {
                metrics.append(
                    report, seconds: metrics.earlierSeconds + seconds, tokensPerSecond: rate,
                    validation: evaluates ? bits : nil)
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
            if evaluates, metrics.validations.count % 5 == 0, report.step < plan.steps {
                progress.note(
                    "step \(report.step), \(Figures.decimal(bits ?? .nan, 3)) bits per byte: "
                        + sample(trainer.model))
            }
            progress.update(
                report.step,
                details: "\(Figures.grouped(Int(rate))) tokens/s, loss "
                    + Figures.decimal(smooth ?? .nan, 3)
                    + (bits.map { ", validation \(Figures.decimal($0, 3)) bits/byte" } ?? ""))
        }
        progress.clear()
        if let failure { throw failure }
        let rate = Double((plan.steps - first) * plan.batchTokens) / (Machine.now() - begin)
        try finish(trainer, metrics, tokensPerSecond: rate, json: json)
    }

    private func open() throws -> TrainingRun {
        if isResumed {
            return try TrainingRun(
                resuming: output, textHash: textHash, tokenizer: tokenizer, tokens: tokens)
        }
        return try TrainingRun(
            new: output, TrainingRecord(plan: plan, config: config, textHash: textHash),
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

    private func evaluate(
        _ model: Transformer, _ texts: [EvaluationText], progress: (Int) -> Void = { _ in }
    ) -> Evaluation? {
        guard !texts.isEmpty else { return nil }
        return Evaluation.evaluate(
            model, on: texts, convention: .rolling(context: plan.context),
            startToken: tokenizer.id(ofSpecial: Corpus.separator), progress: progress)
    }

    private func evaluateAll(_ model: Transformer) -> Evaluation? {
        let texts = tokenFile.validationSample(
            limit: Self.finalValidationLimit, encoding: tokenizer)
        var progress = Progress(
            "validating", total: texts.reduce(0) { $0 + $1.tokens.count }, unit: "tokens")
        defer { progress.clear() }
        return evaluate(model, texts) { progress.update($0) }
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

    // MARK: - The end

    private func finish(
        _ trainer: Trainer, _ metrics: TrainingMetrics, tokensPerSecond: Double, json: Bool
    ) throws {
        // All is saved; what follows can be stopped anywhere.
        Interrupts.release()
        let result = evaluateAll(trainer.model)
        if json {
            return try printResult(trainer, tokensPerSecond: tokensPerSecond, result)
        }
        let chart = Chart(
            metrics.losses, title: "loss (nats per token) by step",
            isPlain: !StandardStreams.errorIsTerminal)
        chart.lines.forEach(StandardStreams.note)
        StandardStreams.note(
            "\(Figures.grouped(trainer.step)) steps in "
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
        StandardStreams.note(
            "the model is in \(output); try: choroy chat \(TerminalText.shellWord(output))")
    }

    private func printResult(
        _ trainer: Trainer, tokensPerSecond: Double?, _ result: Evaluation?
    ) throws {
        let object = JSONObject([
            ("model", .string(output)), ("steps", .integer(trainer.step)),
            ("parameters", .integer(config.parameterCount)),
            ("tokens", .integer(trainer.step * plan.batchTokens)),
            ("seconds", .number(Machine.now() - start)),
            ("tokens_per_second", tokensPerSecond.map { .number($0.rounded()) } ?? .null),
            ("validation_bits_per_byte", result.map { .number($0.bitsPerByte) } ?? .null),
            ("validation_bytes", result.map { .integer($0.bytes) } ?? .null),
            ("peak_rss_bytes", .integer(Machine.peakResidentBytes)),
        ])
        try StandardStreams.printLine(JSONWriter.string(.object(object)))
    }
}
