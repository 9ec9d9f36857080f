import ChoroySystem
import ChoroyTraining

/// What a run leaves to be looked at: `training/metrics.jsonl`, `training/samples.jsonl`, the numbers
/// of the curve at the end, and TensorBoard's events if asked for.
final class TrainingMetrics {
    private let lines: StepLines
    private let samples: StepLines
    private let events: EventFile?
    /// (step, loss in nats) of each line.
    private(set) var losses: [(x: Double, y: Double)] = []
    /// The key of a validation's number.
    private let key: String
    /// (step, number) of each validation.
    private(set) var validations: [(x: Double, y: Double)] = []
    /// Seconds of training before this process.
    private(set) var earlierSeconds = 0.0

    /// Opens the files of the run in `directory`. Lines after `step` are dropped, for a run that goes
    /// on from there, and so is what is no line of ours.
    init(
        directory: String, keepingUpTo step: Int,
        validation key: String = "validation_bits_per_byte", tensorBoard: Bool = false
    ) throws {
        self.key = key
        let training = FilePath.join(directory, "training")
        var earlier = 0.0
        var (losses, validations): ([(x: Double, y: Double)], [(x: Double, y: Double)]) = ([], [])
        lines = try StepLines(
            path: FilePath.join(training, "metrics.jsonl"), keepingUpTo: step
        ) { line in
            guard let at = line["step"]?.integer, let seconds = line["seconds"]?.double,
                0...1e9 ~= seconds
            else { return false }
            earlier = seconds
            // Far beyond what a model can lose; a damaged number must not bend the curve.
            if let loss = line["loss"]?.double, 0...1e6 ~= loss {
                losses.append((Double(at), loss))
            }
            if let validation = line[key]?.double, 0...1e6 ~= validation {
                validations.append((Double(at), validation))
            }
            return true
        }
        (earlierSeconds, self.losses, self.validations) = (earlier, losses, validations)
        samples = try StepLines(
            path: FilePath.join(training, "samples.jsonl"), keepingUpTo: step)
        events =
            tensorBoard
            ? try EventFile(in: FilePath.join(training, "tensorboard"), after: step) : nil
    }

    /// Adds a line of measurements.
    func append(
        _ report: Trainer.Report, seconds: Double, tokensPerSecond: Double, validation: Double?
    ) {
        losses.append((Double(report.step), report.loss))
        if let validation { validations.append((Double(report.step), validation)) }
        lines.append(
            JSONObject([
                ("step", .integer(report.step)), ("tokens", .integer(report.tokens)),
                ("seconds", .number((seconds * 1000).rounded() / 1000)),
                ("loss", .number(report.loss)),
                (key, validation.map { .number($0) } ?? .null),
                ("learning_rate", .number(report.learningRate)),
                ("gradient_norm", .number(report.gradientNorm)),
                ("tokens_per_second", .number(tokensPerSecond.rounded())),
            ]))
        guard let events else { return }
        var scalars = [
            ("loss/training", report.loss), ("learning_rate", report.learningRate),
            ("gradient_norm", report.gradientNorm), ("tokens_per_second", tokensPerSecond),
        ]
        if let validation { scalars.append(("validation/\(key)", validation)) }
        events.append(step: report.step, scalars)
    }

    /// Keeps what the model says after this step.
    func append(sample: String, step: Int) {
        samples.append(JSONObject([("step", .integer(step)), ("text", .string(sample))]))
        events?.append(step: step, text: ("sample", sample))
    }
}
