import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining

/// What a user may ask of a training run, and the plan made of it.
struct TrainingRequest: ParsableArguments {
    @Option(
        help: "Entries of the new tokenizer; 264 is a byte-level model. Default: by size of text.")
    var vocabSize: Int?
    @Option(help: "A tokenizer to use instead of training one.")
    var tokenizer: String?
    @Option(help: "A model directory to go on with: its weights, sizes and tokenizer.")
    var from: String?
    @Option(
        help:
            "Model size: nano, micro, mini, small or base. Default: what the minutes can fill, micro with --steps.",
        transform: { name in
            guard let preset = Preset(rawValue: name) else {
                let names = Preset.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--preset: expected \(names), found \(name)")
            }
            return preset
        })
    var preset: Preset?
    @Option(help: "Layers.") var layers: Int?
    @Option(help: "Width of the residual stream.") var hiddenSize: Int?
    @Option(help: "Attention heads.") var heads: Int?
    @Option(help: "Key-value heads; fewer than heads is grouped-query attention.") var kvHeads: Int?
    @Option(help: "Tokens that the model can look back on.") var context: Int?
    @Option(help: "Steps to train.") var steps: Int?
    @Option(help: "Minutes that everything may take (default 10, when no --steps are given).")
    var minutes: Double?
    @Option(help: "How the end of a timed run moved, as that run prints it; with --steps.")
    var earlierEnds: EarlierEnds?
    @Option(help: "Tokens of a step.") var batchTokens: Int?
    @Option(help: "Shares of a step that threads do whole. Default: by the size of the model.")
    var lanes: Int?
    @Option(help: "Share of activations dropped. Default: by how often the text is seen.")
    var dropout: Double?
    @Option(help: "Peak of the learning rate.") var learningRate: Double?
    @OptionGroup var learning: LearningOptions
    @Option(help: "Seed of weights, order and dropout (default 1).") var seed: UInt64?
    @Option(help: "Steps between validations, each with a checkpoint. Default: 20 in a run.")
    var evaluateEvery: Int?
    @OptionGroup var precision: PrecisionOption
    @Flag(
        help:
            "Computes activations again instead of keeping them: less memory, about a third more time."
    )
    var checkpointActivations = false

    func validate() throws {
        if let minutes, !(minutes > 0 && minutes <= 100_000) {
            throw ValidationError("--minutes: expected above 0, at most 100000, found \(minutes)")
        }
        if steps != nil && minutes != nil {
            throw ValidationError("--steps and --minutes exclude each other")
        }
        if steps == nil && earlierEnds != nil {
            throw ValidationError("--earlier-ends needs --steps")
        }
        if tokenizer != nil && vocabSize != nil {
            throw ValidationError("--tokenizer and --vocab-size exclude each other")
        }
        for (name, value) in [
            ("--steps", steps), ("--layers", layers), ("--hidden-size", hiddenSize),
            ("--heads", heads), ("--kv-heads", kvHeads), ("--context", context),
            ("--batch-tokens", batchTokens), ("--evaluate-every", evaluateEvery),
            ("--lanes", lanes),
        ] {
            if let value, !(1...1 << 30).contains(value) {
                throw ValidationError("\(name): expected 1 to \(1 << 30), found \(value)")
            }
        }
        for (name, isGiven) in [
            ("--tokenizer", tokenizer != nil), ("--vocab-size", vocabSize != nil),
            ("--preset", preset != nil), ("--layers", layers != nil),
            ("--hidden-size", hiddenSize != nil), ("--heads", heads != nil),
            ("--kv-heads", kvHeads != nil),
        ] where isGiven && from != nil {
            throw ValidationError("--from and \(name) exclude each other: the model decides it")
        }
        let smallest = 256 + Tokenizer.reservedTokens.count
        if let vocabSize, !(smallest...1 << 21).contains(vocabSize) {
            throw ValidationError(
                "--vocab-size: expected \(smallest) to \(1 << 21), found \(vocabSize)")
        }
        // Before any text is read.
        _ = try config(vocabSize: smallest)
        if from == nil { _ = try plan(steps: steps ?? 1, tokens: 1, parameters: 1) }
    }

    /// Seconds that the run may take; nil when steps are given.
    var seconds: Double? { steps == nil ? (minutes ?? 10) * 60 : nil }

    /// Whether the size of the model is for us to choose.
    var leavesSize: Bool {
        preset == nil && layers == nil && hiddenSize == nil && heads == nil && kvHeads == nil
            && context == nil && batchTokens == nil
    }

    var chosenPreset: Preset { preset ?? seconds.map(Preset.suited) ?? .micro }

    /// The model asked for.
    func config(_ tokenizer: Tokenizer) throws -> TransformerConfig {
        var config = try config(vocabSize: tokenizer.vocabularySize)
        config.bosTokenId = tokenizer.id(ofSpecial: Corpus.separator).map { Int($0) }
        config.eosTokenId = config.bosTokenId.map { [$0] } ?? []
        config.tokenizerSha256 = tokenizer.hash
        return config
    }

    /// - Throws: `ValidationError` when the sizes do not fit each other.
    private func config(vocabSize: Int) throws -> TransformerConfig {
        let shape = chosenPreset.shape
        let width = hiddenSize ?? shape.hiddenSize
        let heads = heads ?? (hiddenSize == nil ? shape.heads : max(1, width / 64))
        let config = TransformerConfig(
            vocabSize: vocabSize, hiddenSize: width,
            numHiddenLayers: layers ?? shape.layers, numAttentionHeads: heads,
            numKeyValueHeads: kvHeads
                ?? (self.heads == nil && hiddenSize == nil ? shape.keyValueHeads : heads),
            maxPositionEmbeddings: context ?? shape.context)
        do {
            try config.validate()
        } catch let error as FileError {
            let option =
                switch error.place {
                case "hidden_size", "intermediate_size": "--hidden-size"
                case "num_hidden_layers", "sizes": "--layers"
                case "num_key_value_heads": "--kv-heads"
                case "max_position_embeddings": "--context"
                case "vocab_size": "--vocab-size"
                default: "--heads"
                }
            let words =
                switch error.place {
                case "num_attention_heads" where width % heads != 0:
                    "a divisor of --hidden-size \(width), found \(heads)"
                case "num_key_value_heads" where heads % config.numKeyValueHeads != 0:
                    "a divisor of --heads \(heads), found \(config.numKeyValueHeads)"
                case "head_dim":
                    "heads of an even width, found \(width) / \(heads) = \(config.headDim)"
                default: "\(error.expected), found \(error.found)"
                }
            throw ValidationError("\(option): expected \(words)")
        }
        return config
    }

    /// Tells whether the options that are given are those that the run of `record` began with. How
    /// long it may take was settled then.
    ///
    /// - Throws: `ValidationError` for the first that is not.
    func check(_ record: TrainingRecord, _ tokenizer: Tokenizer) throws {
        let (plan, config) = (record.plan, record.config)
        func check<Value: Equatable>(_ option: String, _ asked: Value?, _ has: Value) throws {
            guard let asked, asked != has else { return }
            throw ValidationError(
                "\(option): expected \(has), with which the run began, found \(asked)")
        }
        if let from {
            guard let base = record.base else {
                throw ValidationError("--from: expected none, as the run began, found \(from)")
            }
            if from != base.path, try TrainingRecord.Base(of: from).weightsHash != base.weightsHash
            {
                throw ValidationError(
                    "--from: expected \(base.path), with which the run began, found \(from)")
            }
        }
        let shape = preset?.shape
        try check("--steps", steps, plan.steps)
        try check(
            layers == nil ? "--preset (layers)" : "--layers", layers ?? shape?.layers,
            config.numHiddenLayers)
        try check(
            hiddenSize == nil ? "--preset (hidden size)" : "--hidden-size",
            hiddenSize ?? shape?.hiddenSize,
            config.hiddenSize)
        try check("--heads", heads, config.numAttentionHeads)
        try check("--kv-heads", kvHeads, config.numKeyValueHeads)
        try check("--context", context, plan.context)
        try check(
            "--batch-tokens", batchTokens.map { $0 / plan.context * plan.context },
            plan.batchTokens)
        try check("--lanes", lanes, plan.lanes)
        try check("--dropout", dropout.map { Float($0) }, plan.dropout)
        try check("--precision", precision.precision, plan.precision)
        try check("--learning-rate", learningRate, plan.learningRate)
        try check("--seed", seed, plan.seed)
        try check("--optimizer", learning.optimizerName, plan.optimizer.method)
        try check("--schedule", learning.schedule, plan.scheduleShape)
        try check("--final-share", learning.finalShare, plan.finalShare)
        try check("--decay-share", learning.decayShare, plan.decayShare)
        try check("--weight-decay", learning.weightDecay, plan.optimizer.adamw.weightDecay)
        try check("--evaluate-every", evaluateEvery, plan.evaluationInterval)
        try check("--earlier-ends", earlierEnds?.ends, plan.earlierEnds)
        // A text may not have as many entries as were asked for.
        if let vocabSize, vocabSize < config.vocabSize {
            try check("--vocab-size", vocabSize, config.vocabSize)
        }
        if let path = self.tokenizer {
            let asked = try Tokenizer(contentsOf: path)
            guard asked.hash == tokenizer.hash else {
                throw ValidationError(
                    "--tokenizer: expected the run's own, \(tokenizer.hash.prefix(12))…, "
                        + "found another, \(asked.hash.prefix(12))…")
            }
        }
    }

    /// The plan for `steps` steps of a model of `parameters` parameters on a text of `tokens` tokens.
    func plan(steps: Int, tokens: Int, parameters: Int) throws -> TrainingPlan {
        let context = context ?? chosenPreset.shape.context
        if let batchTokens, batchTokens < context {
            throw ValidationError(
                "--batch-tokens: expected at least one context of \(context), found \(batchTokens)")
        }
        let batchSize = max(1, (batchTokens ?? chosenPreset.batchTokens) / context)
        let epochs = Double(steps) * Double(batchSize * context) / Double(max(1, tokens))
        var plan = TrainingPlan(
            steps: steps, context: context, batchSize: batchSize,
            lanes: lanes
                ?? TrainingPlan.lanes(
                    parameters: parameters, context: context, batchSize: batchSize),
            learningRate: learningRate ?? chosenPreset.learningRate,
            warmupSteps: learning.warmupSteps,
            dropout: Float(
                dropout ?? Self.dropout(epochs: epochs, parameters: parameters, tokens: tokens)),
            seed: seed ?? 1,
            evaluationInterval: evaluateEvery, optimizer: learning.optimizer,
            scheduleShape: learning.shape, finalShare: learning.finalShare,
            decayShare: learning.decayShare ?? 0.5, precision: precision.chosen)
        plan.checkpointActivations = checkpointActivations
        if let earlierEnds, !plan.setEarlierEnds(earlierEnds.ends) {
            throw ValidationError(
                "--earlier-ends: expected rising steps below --steps \(steps), each with more steps "
                    + "than it, found \(earlierEnds)")
        }
        if let problem = plan.problem {
            if problem.key == "batch_size" {
                throw ValidationError(
                    "--batch-tokens: expected at most \(TrainingPlan.largestBatch), "
                        + "found \(batchTokens ?? plan.batchTokens)")
            }
            let option = problem.key.replacing("_", with: "-")
            throw ValidationError(
                "--\(option): expected \(problem.expected), found \(problem.found)")
        }
        return plan
    }

    /// The more often a text is seen, and the more parameters there are for each of its tokens, the more a model must be
    /// kept from learning it by heart.
    private static func dropout(epochs: Double, parameters: Int, tokens: Int) -> Double {
        switch epochs * Double(parameters) / Double(max(1, tokens)) {
        case ..<8: 0
        case ..<30: 0.05
        case ..<85: 0.1
        default: 0.2
        }
    }

    /// The options that give `plan` again.
    func command(_ plan: TrainingPlan, _ config: TransformerConfig) -> String {
        let sizes = [
            "--layers \(config.numHiddenLayers)",
            "--hidden-size \(config.hiddenSize)", "--heads \(config.numAttentionHeads)",
            "--kv-heads \(config.numKeyValueHeads)",
        ]
        var words =
            ["--steps \(plan.steps)"] + (from == nil ? sizes : []) + [
                "--context \(plan.context)",
                "--batch-tokens \(plan.batchTokens)", "--lanes \(plan.lanes)",
                "--learning-rate \(plan.learningRate)",
                "--dropout \(plan.dropout)", "--seed \(plan.seed)",
                "--precision \(plan.precision.rawValue)",
                LearningOptions.words(plan),
            ]
        if plan.checkpointActivations { words.append("--checkpoint-activations") }
        words.insert(
            from.map { "--from \(TerminalText.shellWord($0))" }
                ?? tokenizer.map { "--tokenizer \(TerminalText.shellWord($0))" }
                ?? "--vocab-size \(config.vocabSize)", at: 0)
        words.append("--evaluate-every \(plan.evaluationInterval)")
        if !plan.earlierEnds.isEmpty {
            words.append("--earlier-ends \(EarlierEnds(ends: plan.earlierEnds))")
        }
        return words.joined(separator: " ")
    }
}

/// The ends that a timed run had planned before its last: `40:1000,80:1023`.
struct EarlierEnds: ExpressibleByArgument, CustomStringConvertible {
    let ends: [TrainingPlan.EarlierEnd]

    init(ends: [TrainingPlan.EarlierEnd]) { self.ends = ends }

    init?(argument: String) {
        var ends: [TrainingPlan.EarlierEnd] = []
        for pair in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let numbers = pair.split(separator: ":", omittingEmptySubsequences: false).map {
                Int($0)
            }
            guard numbers.count == 2, let until = numbers[0], let steps = numbers[1] else {
                return nil
            }
            ends.append(.init(until: until, steps: steps))
        }
        self.ends = ends
    }

    var description: String {
        ends.map { "\($0.until):\($0.steps)" }.joined(separator: ",")
    }
}
