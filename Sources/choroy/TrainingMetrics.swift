import ChoroySystem
import ChoroyTraining

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `training/metrics.jsonl`: one JSON object a line, and the same numbers for the curve at the end.
final class TrainingMetrics {
    private var file: FileWriter
    /// (step, loss in nats) of each line.
    private(set) var losses: [(x: Double, y: Double)] = []
    /// (step, bits per byte) of each validation.
    private(set) var validations: [(x: Double, y: Double)] = []
    /// Seconds of training before this process.
    private(set) var earlierSeconds = 0.0

    /// Opens the file of the run in `directory`; lines after `step` are dropped, for a run that goes
    /// on from there.
    init(directory: String, keepingUpTo step: Int) throws {
        let path = FilePath.join(directory, "training/metrics.jsonl")
        var kept: [UInt8] = []
        if FilePath.kind(of: path) == .file {
            for line in try FileBytes.read(path).split(separator: 10) {
                guard let values = try? JSONReader.parse(line, path: path),
                    let at = values["step"]?.integer, at <= step
                else { continue }
                kept += line + [10]
                earlierSeconds = values["seconds"]?.double ?? earlierSeconds
                if let loss = values["loss"]?.double { losses.append((Double(at), loss)) }
                if let bits = values["validation_bits_per_byte"]?.double {
                    validations.append((Double(at), bits))
                }
            }
        }
        try AtomicFile.write(kept, to: path)
        file = try FileWriter(path: path, flags: O_WRONLY | O_APPEND)
    }

    /// Adds a line; a full disk loses the line, not the run.
    func append(
        _ report: Trainer.Report, seconds: Double, tokensPerSecond: Double, bitsPerByte: Double?
    ) {
        losses.append((Double(report.step), report.loss))
        if let bitsPerByte { validations.append((Double(report.step), bitsPerByte)) }
        let line = JSONObject([
            ("step", .integer(report.step)), ("tokens", .integer(report.tokens)),
            ("seconds", .number((seconds * 1000).rounded() / 1000)),
            ("loss", .number(report.loss)),
            ("validation_bits_per_byte", bitsPerByte.map { .number($0) } ?? .null),
            ("learning_rate", .number(report.learningRate)),
            ("gradient_norm", .number(report.gradientNorm)),
            ("tokens_per_second", .number(tokensPerSecond.rounded())),
        ])
        try? file.append(JSONWriter.string(.object(line)) + "\n")
        try? file.flush()
    }
}
