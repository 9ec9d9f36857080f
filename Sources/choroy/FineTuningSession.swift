import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining

/// One call of `choroy finetune`: from the conversations to the end of the run.
struct FineTuningSession {
    let base: FineTuningBase
    let record: FineTuningRecord
    let data: ChatExamples
    let training: [ChatExample]
    /// Conversations to be judged by: all that there are, and those that are looked at on the way.
    let validation: [ChatExample]
    let look: [ChatExample]
    let start = Machine.now()
    let output: String
    let request: FineTuningRequest
    let isResumed: Bool
    let modelPath: String
    let dataPaths: [String]
    let trainableCount: Int
    /// Seconds of a step and of a look at the validation, as measured; nil for a run that goes on.
    let trial: (step: Double, look: Double)?

    var plan: TrainingPlan { record.plan }

    /// Reads model and data and settles the plan; writes nothing.
    init(
        model: String, data paths: [String], output: String, request: FineTuningRequest,
        resume: Bool
    ) throws {
        (modelPath, dataPaths) = (model, paths)
        self.output = output
        self.request = request
        try TrainingSession.checkPlace(output)
        isResumed = resume && TrainingRecord.exists(in: output)
        let known = isResumed ? try FineTuningRecord(of: output) : nil
        if known == nil { try TrainingSession.checkIsNew(output, resume: resume) }
        base = try FineTuningBase(at: model)
        if let known { try request.check(known, base) }
        let longest = base.config.maxPositionEmbeddings
        let context = known?.plan.context ?? request.context ?? longest
        guard context <= longest else {
            throw ValidationError(
                "--context: expected at most the model's \(longest), found \(context)")
        }
        let tokenizer = base.tokenizer
        func read(_ paths: [String]) throws -> ChatExamples {
            try ChatExamples(at: paths, template: .chatML, encoding: tokenizer, context: context)
        }
        let data = try read(paths)
        let held = try request.validation.map { try read([$0]) }
        self.data = data
        let split = data.split
        training = held == nil ? split.training : data.examples
        validation = held?.examples ?? split.validation
        look = Self.sample(validation, tokens: 1 << 14)
        let dataHash = held.map { SHA256.hex((data.hash + $0.hash).utf8) } ?? data.hash
        if let known {
            try known.check(
                baseHash: base.hash, tokenizerHash: tokenizer.hash, dataHash: dataHash, in: output)
            record = known
            trial = nil
            trainableCount = try base.learner(known.method, seed: known.plan.seed).trainable
                .reduce(0) { $0 + $1.count }
            return
        }
        let method = request.method(base, path: model)
        let tokens = Double(training.reduce(0) { $0 + $1.length }) / Double(training.count)
        let count = training.count
        func plan(_ steps: Int) throws -> TrainingPlan {
            try request.plan(
                steps: steps, context: context, tokensOfConversation: tokens, of: count)
        }
        let first = try plan(1)
        // An adapter's own numbers are few beside the model's.
        try TrainingSession.checkMemory(
            Self.memory(
                first, base, trainable: method == .full ? base.config.parameterCount : 0))
        let learner = try base.learner(method, seed: first.seed)
        trainableCount = learner.trainable.reduce(0) { $0 + $1.count }
        // A moment of training that is thrown away, to know what the work costs here.
        let limit = request.seconds.map { min(2, $0 / 20) } ?? 0.5
        let trainer = Trainer(
            learner.model, trainable: learner.trainable, on: ChatBatches(training, plan: first),
            plan: try plan(1 << 20))
        var times: [Double] = []
        let begin = Machine.now()
        repeat {
            let before = Machine.now()
            guard trainer.next() != nil else { break }
            times.append(Machine.now() - before)
        } while Machine.now() - begin < limit || times.count < 2
        // The first step is slower than any other.
        let seconds = times.dropFirst().reduce(0, +) / Double(max(1, times.count - 1))
        let before = Machine.now()
        if !look.isEmpty { _ = ChatLoss(of: learner.model, on: look) }
        let trial = (step: seconds, look: Machine.now() - before + 0.3)
        self.trial = trial
        var steps = request.steps(count, batchSize: first.batchSize)
        if let all = request.seconds {
            let left = all - (Machine.now() - start) - 20 * trial.look
            steps = max(1, Int(max(left, all / 2) / trial.step))
        }
        record = FineTuningRecord(
            plan: try plan(steps), method: method, patience: request.patience,
            baseHash: base.hash, tokenizerHash: tokenizer.hash, dataHash: dataHash)
    }

    /// Examples from all over, of about this many tokens.
    private static func sample(_ examples: [ChatExample], tokens limit: Int) -> [ChatExample] {
        let total = examples.reduce(0) { $0 + $1.length }
        guard total > limit else { return examples }
        let count = max(1, examples.count * limit / total)
        return (0..<count).map { examples[$0 * examples.count / count] }
    }

    /// Bytes that the run needs at its peak, about.
    private static func memory(_ plan: TrainingPlan, _ base: FineTuningBase, trainable: Int) -> Int
    {
        let (config, parameters) = (base.config, base.config.parameterCount)
        // What a layer needs in passing of the conversations held back, read 4,096 tokens at once.
        let look = 4096 * (4 * config.hiddenSize + 3 * config.intermediateSize)
        let all = plan.memoryEstimate(config) + 4 * look
        guard trainable < parameters else { return all }
        // The plan has seven floats for each parameter. A frozen one needs three: itself, and itself packed
        // for validation and for the way there and back. Its adapter reads the gated product in floats.
        let gated =
            plan.context * plan.microBatchSize * config.numHiddenLayers * config.intermediateSize
        return all + 4 * (5 * trainable - 4 * parameters + gated)
    }

    // MARK: - Before the start

    /// What the run takes, validations and checkpoints included.
    private var seconds: Double? {
        trial.map { trial in
            Double(plan.steps) * trial.step
                + Double((plan.steps - 1) / plan.evaluationInterval + 1) * trial.look
        }
    }

    /// Says what will be done: on standard error, or as JSON on standard output.
    func describe(json: Bool) throws {
        let memory = Self.memory(plan, base, trainable: trainableCount)
        let all = base.config.parameterCount
        let epochs = Double(plan.steps * plan.batchSize) / Double(training.count)
        if json {
            let layouts = data.layouts.map { ($0.layout.rawValue, JSONValue.integer($0.count)) }
            let object = JSONObject([
                ("layouts", .object(JSONObject(layouts))),
                ("conversations", .integer(data.conversations)), ("turns", .integer(data.turns)),
                ("tokens", .integer(data.tokenCount)), ("targets", .integer(data.targetCount)),
                ("shortened", .integer(data.shortened)), ("left_out", .integer(data.leftOut)),
                ("training_conversations", .integer(training.count)),
                ("validation_conversations", .integer(validation.count)),
                ("method", .string(record.method.name)),
                ("trainable_parameters", .integer(trainableCount)), ("parameters", .integer(all)),
                ("epochs", .number(epochs)), ("plan", plan.json),
                ("memory_bytes", .integer(memory)),
                ("seconds", seconds.map { .number($0.rounded(.up)) } ?? .null),
                ("command", .string(command)),
            ])
            return try StandardStreams.printLine(
                JSONWriter.string(.object(object), indentation: 2))
        }
        func number(_ count: Int, _ one: String) -> String {
            "\(Figures.grouped(count)) \(one)\(count == 1 ? "" : "s")"
        }
        let layouts = data.layouts.map { "\(Figures.grouped($0.count)) × \($0.layout.rawValue)" }
        var lines = [
            "data       \(layouts.joined(separator: ", ")): "
                + "\(number(data.conversations, "conversation")), \(number(data.turns, "turn")), "
                + "\(number(data.tokenCount, "token")), of which "
                + "\(Figures.grouped(data.targetCount)) are learnt; "
                + "\(Figures.grouped(validation.count)) held back"
        ]
        if data.shortened + data.leftOut > 0 {
            lines.append(
                "           \(Figures.grouped(data.shortened)) shortened to the context of "
                    + "\(plan.context) tokens, \(Figures.grouped(data.leftOut)) left out, since no "
                    + "answer fits")
        }
        var words = "\(record.method.name): "
        if case .lora(let config) = record.method {
            words +=
                "rank \(config.r), alpha \(Figures.decimal(config.loraAlpha, 0))"
                + (config.useRslora ? ", rsLoRA" : "") + (config.useDora ? ", DoRA" : "") + "; "
        }
        lines += [
            "method     \(words)\(Figures.grouped(trainableCount)) of \(Figures.grouped(all)) "
                + "parameters (\(Figures.decimal(100 * Double(trainableCount) / Double(all), 1)) %)",
            "plan       \(number(plan.steps, "step")) of \(number(plan.batchSize, "conversation")) "
                + "(all of them \(Figures.decimal(epochs, 1)) times), learning rate "
                + "\(plan.learningRate), \(plan.precision.rawValue), seed \(plan.seed), "
                + (record.patience == 0
                    ? "no early end"
                    : "ends after \(number(record.patience, "validation")) "
                        + "without a better one"),
            "memory     about \(Figures.megabytes(memory))",
        ]
        if let seconds {
            lines.append(
                "time       at most about \(Figures.duration(seconds)) to go; ends at about "
                    + "\(Machine.clock(after: seconds))")
        }
        if !isResumed { lines.append("the same   \(command)") }
        lines.forEach(StandardStreams.note)
    }

    /// The command that does the same in any amount of time.
    var command: String {
        let words = ["choroy", "finetune", modelPath, "--data"] + dataPaths + ["--output", output]
        return words.map(TerminalText.shellWord).joined(separator: " ") + " "
            + request.command(record)
    }
}
