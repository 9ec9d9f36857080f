import ChoroySystem
import ChoroyTraining

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `training/metrics.jsonl`: one JSON object a line, and the same numbers for the curve at the end.
final class TrainingMetrics {
    private let path: String
    private var file: FileWriter
    /// False after a failure; then the next line writes all of them anew.
    private var isWhole = true
    private var lines: [UInt8] = []
    /// (step, loss in nats) of each line.
    private(set) var losses: [(x: Double, y: Double)] = []
    /// The key of a validation's number.
    private let key: String
    /// (step, number) of each validation.
    private(set) var validations: [(x: Double, y: Double)] = []
    /// Seconds of training before this process.
    private(set) var earlierSeconds = 0.0

    /// Opens the file of the run in `directory`. Lines after `step` are dropped, for a run that goes
    /// on from there, and so is what is no line of ours.
    init(
        directory: String, keepingUpTo step: Int,
        validation key: String = "validation_bits_per_byte"
    ) throws {
        self.key = key
        path = FilePath.join(directory, "training/metrics.jsonl")
        if FilePath.kind(of: path) != .missing {
            for line in try FileBytes.read(path).split(separator: 10) {
                guard let values = try? JSONReader.parse(line, path: path),
                    let at = values["step"]?.integer, 0...step ~= at,
                    let seconds = values["seconds"]?.double, 0...1e9 ~= seconds
                else { continue }
                lines += line + [10]
                earlierSeconds = seconds
                // Far beyond what a model can lose; a damaged number must not bend the curve.
                if let loss = values["loss"]?.double, 0...1e6 ~= loss {
                    losses.append((Double(at), loss))
                }
                if let validation = values[key]?.double, 0...1e6 ~= validation {
                    validations.append((Double(at), validation))
                }
            }
        }
        file = try Self.begin(lines, path)
    }

    /// Adds a line. On a full disk it is kept in memory and written with a later one.
    func append(
        _ report: Trainer.Report, seconds: Double, tokensPerSecond: Double, validation: Double?
    ) {
        losses.append((Double(report.step), report.loss))
        if let validation { validations.append((Double(report.step), validation)) }
        let object = JSONObject([
            ("step", .integer(report.step)), ("tokens", .integer(report.tokens)),
            ("seconds", .number((seconds * 1000).rounded() / 1000)),
            ("loss", .number(report.loss)),
            (key, validation.map { .number($0) } ?? .null),
            ("learning_rate", .number(report.learningRate)),
            ("gradient_norm", .number(report.gradientNorm)),
            ("tokens_per_second", .number(tokensPerSecond.rounded())),
        ])
        let line = JSONWriter.bytes(.object(object)) + [10]
        lines += line
        do {
            if isWhole {
                try file.append(line)
                try file.flush()
            } else {
                file = try Self.begin(lines, path)
                isWhole = true
            }
        } catch { isWhole = false }
    }

    private static func begin(_ lines: [UInt8], _ path: String) throws -> FileWriter {
        try AtomicFile.write(lines, to: path)
        return try FileWriter(path: path, flags: O_WRONLY | O_APPEND)
    }
}
