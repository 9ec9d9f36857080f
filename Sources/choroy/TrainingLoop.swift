import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyTraining

/// What the loop asks of the command that trains.
protocol TrainedCourse {
    /// What a validation's number is called in `metrics.jsonl`.
    var validationKey: String { get }
    /// Floating-point operations that learning a token takes; nil when that is not known.
    var operationsPerToken: Double? { get }
    /// The loss on text that is held back; nil when none is.
    func look(at model: Transformer) -> Double?
    /// What the model says now.
    func sample(of model: Transformer) -> String
    /// What to tell after a validation; nil for nothing.
    func words(at step: Int, _ look: TrainingLoop.Look) -> String?
    /// The validations' part of the live line.
    func details(_ validation: Double?, best: Double?) -> String
    /// Whether the validation with this number, counted from 1, comes with a sample.
    func samples(at validation: Int) -> Bool
    /// The loss that counting gives, and learning must be below; nil when there is no such thing.
    var countedLoss: Double? { get }
    /// What a loss is counted by: "token".
    var lossUnit: String { get }
}

/// Training to the end of a plan or to a request to stop: progress, measurements, validation, guards
/// and checkpoints of `choroy train` and `choroy finetune`.
struct TrainingLoop {
    let run: TrainingRun
    let course: any TrainedCourse
    let metrics: TrainingMetrics
    let output: String

    /// A validation on the way.
    struct Look {
        var loss: Double
        var isBest: Bool
        /// Number of the validation, counted from 1.
        var number: Int
        /// What the model says; nil at those validations that do not ask it.
        var sample: String?
    }

    init(
        _ run: TrainingRun, _ course: any TrainedCourse, output: String, tensorBoard: Bool
    ) throws {
        self.run = run
        self.course = course
        self.output = output
        metrics = try TrainingMetrics(
            directory: output, keepingUpTo: run.trainer.step, validation: course.validationKey,
            tensorBoard: tensorBoard)
    }

    /// Trains; gives the tokens that a second took.
    ///
    /// - Throws: `ExitCode` when it was stopped, by a signal or by values that are not finite, and the
    ///   error of the last checkpoint when it could not be written.
    func train() throws -> Double {
        let trainer = run.trainer
        var plan = trainer.plan
        let (firstStep, firstTokens) = (trainer.step, trainer.tokens)
        var progress = Progress("training", total: plan.steps, unit: "steps", from: firstStep)
        let peak = course.operationsPerToken.map {
            MachineLimits.operations(plan.precision) / $0
        }
        let begin = Machine.now()
        let lineInterval = max(1, plan.steps / 1000)
        var validation: Double?
        var smooth: Double?
        var watch = LossWatch()
        var divergence = Divergence(
            warmupSteps: plan.warmupSteps, countedLoss: course.countedLoss)
        // The best step after which a rise has been told.
        var warned: Int?
        var failure: (any Error)?
        var time = plan.seconds.map {
            EndOfTime(seconds: $0, step: firstStep, elapsed: metrics.earlierSeconds)
        }
        while !run.isOver, let report = trainer.next() {
            if report.isFinite {
                smooth = smooth.map { 0.95 * $0 + 0.05 * report.loss } ?? report.loss
                if let expected = watch.expected(insteadOf: report.loss), watch.spikes <= 10 {
                    progress.note(
                        "step \(report.step): the loss leapt to \(Figures.decimal(report.loss, 3)) "
                            + "from about \(Figures.decimal(expected, 3))"
                            + (watch.spikes == 10 ? "; no more of this is told" : ""))
                }
                if let finding = divergence.finding(step: report.step, loss: report.loss) {
                    progress.note(words(finding, at: report.step))
                }
            } else {
                try skip(report, &progress)
            }
            let seconds = Machine.now() - begin
            let rate = Double(report.tokens - firstTokens) / seconds
            let evaluates =
                report.step % plan.evaluationInterval == 0 || report.step == plan.steps
            if evaluates { validation = validate(report.step, &progress, &warned) }
            if evaluates || report.step % lineInterval == 0 {
                metrics.append(
                    report, seconds: metrics.earlierSeconds + seconds, tokensPerSecond: rate,
                    validation: evaluates ? validation : nil)
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
            if evaluates, let end = move(&time, metrics.earlierSeconds + Machine.now() - begin) {
                plan = trainer.plan
                progress.total = end
            }
            progress.update(
                report.step,
                details: "\(Figures.grouped(Int(rate))) tokens/s"
                    + (peak.map { " (\(Int(100 * rate / $0)) % of peak)" } ?? "") + ", loss "
                    + Figures.decimal(smooth ?? .nan, 3)
                    + course.details(validation, best: run.best?.loss)
            ) { chart(columns: $0) }
        }
        progress.clear()
        if let failure { throw failure }
        return Double(trainer.tokens - firstTokens) / (Machine.now() - begin)
    }

    /// At a validation: the new end, when the time that is left asks for another.
    private func move(_ time: inout EndOfTime?, _ elapsed: Double) -> Int? {
        let (step, plan) = (run.trainer.step, run.trainer.plan)
        guard let end = time?.end(at: step, elapsed: elapsed, present: plan.steps),
            !plan.isEndSettled(at: step), (try? run.moveEnd(to: end)) != nil
        else { return nil }
        return end
    }

    /// The loss until now, for a terminal of so many columns.
    private func chart(columns: Int) -> [String] {
        // The first steps fall so far that all others would be one line.
        let points = metrics.losses.dropFirst(metrics.losses.count / 20)
        guard points.count >= 4 else { return [] }
        return Chart(
            Array(points), title: "loss (nats per \(course.lossUnit)) by step",
            width: min(72, columns - 12), height: 6
        ).lines
    }

    private func words(_ finding: Divergence.Finding, at step: Int) -> String {
        let rate = run.trainer.plan.learningRate
        switch finding {
        case .learnsNothing(let loss, let countedLoss):
            return "step \(step): the loss is \(Figures.decimal(loss, 3)), and counting tokens "
                + "gives \(Figures.decimal(countedLoss, 3)): nothing is learned; the learning rate "
                + "\(rate) does not suit this model"
        case .left(let loss, let best, let bestStep):
            return "step \(step): the loss has left for \(Figures.decimal(loss, 3)), from "
                + "\(Figures.decimal(best, 3)) at step \(Figures.grouped(bestStep)), and does not "
                + "come back: the learning rate \(rate) is too high; the best state is kept"
        }
    }

    /// Tells of a step that changed nothing; the third in a row ends the run, without a checkpoint.
    private func skip(_ report: Trainer.Report, _ progress: inout Progress) throws {
        progress.note("step \(report.step): loss or gradient is not finite; skipped")
        if run.trainer.nonFiniteSteps >= 3 {
            progress.note(
                "choroy: \(output): expected a finite loss, found none in three steps; "
                    + "a smaller --learning-rate in a new directory may help")
            throw ExitCode(4)
        }
    }

    private func validate(
        _ step: Int, _ progress: inout Progress, _ warned: inout Int?
    ) -> Double? {
        guard let loss = course.look(at: run.trainer.model) else { return nil }
        let isBest = run.note(validationLoss: loss)
        let number = metrics.validations.count + 1
        let sample = course.samples(at: number) ? course.sample(of: run.trainer.model) : nil
        if let sample { metrics.append(sample: sample, step: step) }
        let look = Look(loss: loss, isBest: isBest, number: number, sample: sample)
        if let words = course.words(at: step, look) { progress.note(words) }
        // Three in a row are more than the noise of a small text.
        if run.waiting >= 3, let best = run.best, loss > 1.01 * best.loss, best.step != warned {
            warned = best.step
            progress.note(
                "step \(step): validation has risen from \(Figures.decimal(best.loss, 3)) at step "
                    + "\(Figures.grouped(best.step)) to \(Figures.decimal(loss, 3)): the model learns "
                    + "the text by heart; the best state is kept")
        }
        return loss
    }
}
