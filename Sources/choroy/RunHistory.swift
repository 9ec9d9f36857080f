package import ChoroySystem

/// What a training run left to be looked at.
package struct RunHistory {
    package struct Point {
        package var step: Double
        package var tokens: Double
        package var value: Double
    }

    /// The last two parts of the directory's path, or fewer.
    package var name: String
    package var loss: [Point] = []
    package var validation: [Point] = []
    package var learningRate: [Point] = []
    package var tokensPerSecond: [Point] = []
    /// "bits per byte", or "nats per token" for conversations.
    package var validationUnit = "bits per byte"
    package var seconds = 0.0
    package var samples: [(step: Int, text: String)] = []
    /// Names and values of the plan and the model, then of the machine, in order.
    package var configuration: [(name: String, value: String)] = []
    package var machine: [(name: String, value: String)] = []
    package var ladder: [(name: String, bitsPerByte: Double)] = []
    package var command: String?
    /// Paths of the text, and its hash.
    package var texts: [String] = []
    package var textHash: String?
    /// What the run ended with, nil for one that has not ended.
    package var result: JSONValue?

    /// Reads the run in `directory`.
    ///
    /// - Throws: `FileError` when it has no measurements.
    package init(of directory: String) throws {
        let absolute = FilePath.absolute(directory)
        name = FilePath.name(of: absolute)
        let training = FilePath.join(directory, "training")
        let metrics = FilePath.join(training, "metrics.jsonl")
        guard FilePath.kind(of: metrics) == .file else {
            throw FileError(
                directory, expected: "a training run, with training/metrics.jsonl", found: "none")
        }
        for (_, line) in try StepLines.lines(of: metrics) { read(line) }
        guard !loss.isEmpty else {
            throw FileError(metrics, expected: "measurements of steps", found: "none")
        }
        for (_, line) in try StepLines.lines(of: FilePath.join(training, "samples.jsonl")) {
            if let step = line["step"]?.integer, let text = line["text"]?.string {
                samples.append((step, text))
            }
        }
        if let plan = Self.json(FilePath.join(training, "plan.json")) {
            textHash = plan["text_sha256"]?.string
            configuration = Self.rows(plan["plan"]) + Self.rows(plan["model"])
            if let method = plan["method"]?.string {
                configuration.insert(("method", method), at: 0)
            }
            configuration += Self.rows(plan["adapter"])
        }
        guard let facts = Self.json(FilePath.join(training, "run.json")) else { return }
        machine = Self.rows(facts["machine"])
        command = facts["command"]?.string
        result = facts["result"]
        texts = (facts["text"]?.array ?? []).compactMap(\.string)
    }

    private mutating func read(_ line: JSONValue) {
        guard let step = line["step"]?.integer, let tokens = line["tokens"]?.integer, step >= 0
        else { return }
        func point(_ key: String) -> [Point] {
            guard let value = line[key]?.double, value.isFinite, value.magnitude < 1e12 else {
                return []
            }
            return [Point(step: Double(step), tokens: Double(tokens), value: value)]
        }
        loss += point("loss")
        learningRate += point("learning_rate")
        tokensPerSecond += point("tokens_per_second")
        if line["validation_loss"] != nil { validationUnit = "nats per token" }
        validation += point("validation_bits_per_byte") + point("validation_loss")
        if let time = line["seconds"]?.double, 0...1e9 ~= time { seconds = time }
    }

    private static func json(_ path: String) -> JSONValue? {
        guard let bytes = try? FileBytes.read(path, limit: 1 << 20) else { return nil }
        return try? JSONReader.parse(bytes, path: path)
    }

    private static func rows(_ value: JSONValue?) -> [(name: String, value: String)] {
        (value?.object?.members ?? []).compactMap { member in
            let name = member.key.replacing("_", with: " ")
            switch member.value {
            case .null: return nil
            case .string(let text): return (name, text)
            case .integer(let number) where member.key.hasSuffix("_bytes"):
                return (name.replacing(" bytes", with: ""), Figures.megabytes(number))
            case .integer(let number): return (name, Figures.grouped(number))
            default: return (name, JSONWriter.string(member.value))
            }
        }
    }
}
