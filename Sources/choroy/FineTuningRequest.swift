import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining

/// What a user may ask of a fine-tuning run, and the plan made of it.
struct FineTuningRequest: ParsableArguments {
    enum Method: String, ExpressibleByArgument, CaseIterable { case lora, full }

    @Option(help: "Train an adapter, or all of the model.") var method = Method.lora
    @Option(help: "Rank of the adapter's changes (default 16).") var rank: Int?
    @Option(help: "Scale of the adapter: its changes count alpha / rank (default 2 · rank).")
    var alpha: Double?
    @Flag(help: "Scale by alpha / sqrt(rank).") var rslora = false
    @Flag(help: "Train the length of each output row on its own (DoRA).") var dora = false
    @Option(help: "Share of inputs that the adapter drops (default 0).") var loraDropout: Double?
    @Option(help: "Projections that the adapter changes, such as q_proj,v_proj; all by default.")
    var target: String?
    @Option(help: "How often the conversations are seen (default 10).") var epochs: Double?
    @Option(help: "Steps to train.") var steps: Int?
    @Option(help: "Minutes that everything may take.") var minutes: Double?
    @Option(help: "Peak of the learning rate (default 0.005 for lora, 0.001 for full).")
    var learningRate: Double?
    @Option(help: "Tokens of a step, about (default 1024).") var batchTokens: Int?
    @Option(help: "Longest conversation in tokens. Default: what the model can look back on.")
    var context: Int?
    @Option(help: "Seed of adapter, order and dropout (default 1).") var seed: UInt64?
    @Option(help: "Conversations to be judged by; else some of the data are held back.")
    var validation: String?
    @Option(help: "Steps between validations, each with a checkpoint. Default: 20 in a run.")
    var evaluateEvery: Int?
    @Option(help: "Validations in a row without a better one that end the run; 0 for never.")
    var patience = 5
    @OptionGroup var precision: PrecisionOption

    func validate() throws {
        let lengths = [epochs != nil, steps != nil, minutes != nil].count(where: \.self)
        if lengths > 1 {
            throw ValidationError("--epochs, --steps and --minutes exclude each other")
        }
        func check(_ option: String, _ holds: Bool, _ expected: String, _ found: Any?) throws {
            guard holds else {
                throw ValidationError(
                    "\(option): expected \(expected), found \(found.map { "\($0)" } ?? "none")")
            }
        }
        if let minutes {
            try check(
                "--minutes", minutes > 0 && minutes <= 1e5, "above 0, at most 100000", minutes)
        }
        if let epochs {
            try check("--epochs", epochs > 0 && epochs <= 1e6, "above 0, at most 1000000", epochs)
        }
        for (name, value) in [
            ("--steps", steps), ("--context", context), ("--batch-tokens", batchTokens),
            ("--evaluate-every", evaluateEvery),
        ] {
            if let value { try check(name, 1...1 << 30 ~= value, "1 to \(1 << 30)", value) }
        }
        try check("--patience", 0...1 << 30 ~= patience, "0 to \(1 << 30)", patience)
        if method == .full {
            for (name, isGiven) in [
                ("--rank", rank != nil), ("--alpha", alpha != nil), ("--rslora", rslora),
                ("--dora", dora), ("--lora-dropout", loraDropout != nil),
                ("--target", target != nil),
            ] where isGiven { throw ValidationError("\(name) needs --method lora") }
        }
        let rank = rank ?? 16
        try check("--rank", 1...4096 ~= rank, "1 to 4096", rank)
        if let alpha {
            try check("--alpha", alpha > 0 && alpha <= 1e6, "above 0, at most 1e6", alpha)
        }
        if let loraDropout {
            try check(
                "--lora-dropout", loraDropout >= 0 && loraDropout <= 0.99, "0 to 0.99", loraDropout)
        }
        for name in targets ?? [] {
            try check(
                "--target", AdapterConfig.allProjections.contains(name),
                "all or some of \(AdapterConfig.allProjections.joined(separator: ","))",
                name.isEmpty ? "nothing" : name)
        }
        // Before any data are read.
        _ = try plan(steps: steps ?? 1, context: context ?? 1, tokensOfConversation: 1, of: 1 << 30)
    }

    /// Projections that were named; nil for all.
    private var targets: [String]? {
        guard let target, target != "all" else { return nil }
        return target.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// The method asked for, on the model at `path`.
    func method(_ base: FineTuningBase, path: String) -> FineTuningRecord.Method {
        guard method == .lora else { return .full }
        let rank = rank ?? 16
        let marks = base.marks.map { Int($0) }
        let rows =
            [AdapterConfig.TokenRows(tokens: marks)]
            + (base.config.tieWordEmbeddings
                ? [] : [AdapterConfig.TokenRows(module: "lm_head", tokens: marks)])
        return .lora(
            AdapterConfig(
                r: rank, loraAlpha: alpha ?? Double(2 * rank), loraDropout: loraDropout ?? 0,
                targetModules: .names(targets ?? AdapterConfig.allProjections), useRslora: rslora,
                useDora: dora, trainableTokenIndices: rows, baseModelNameOrPath: path))
    }

    /// Seconds that the run may take; nil when its length is given.
    var seconds: Double? { minutes.map { $0 * 60 } }

    /// The plan of `steps` steps on `count` conversations of about this many tokens.
    func plan(steps: Int, context: Int, tokensOfConversation: Double, of count: Int) throws
        -> TrainingPlan
    {
        let tokens = Double(batchTokens ?? 1024)
        let batchSize = max(1, min(count, Int((tokens / tokensOfConversation).rounded())))
        let plan = TrainingPlan(
            steps: steps, context: context, batchSize: batchSize,
            learningRate: learningRate ?? (method == .lora ? 5e-3 : 1e-3), seed: seed ?? 1,
            evaluationInterval: evaluateEvery,
            optimizer: Optimizer.Settings(
                adamw: AdamW.Settings(weightDecay: method == .lora ? 0 : 0.1)),
            precision: precision.chosen)
        if let problem = plan.problem {
            let option =
                problem.key == "batch_size" ? "batch-tokens" : problem.key.replacing("_", with: "-")
            throw ValidationError(
                "--\(option): expected \(problem.expected), found \(problem.found)")
        }
        return plan
    }

    /// Steps of a run on `count` conversations, `batchSize` at a time, when time does not decide.
    func steps(_ count: Int, batchSize: Int) -> Int {
        steps
            ?? max(1, Int(((epochs ?? 10) * Double(count) / Double(batchSize)).rounded(.up)))
    }

    /// Tells whether the options that are given are those that the run of `record` began with.
    ///
    /// - Throws: `ValidationError` for the first that is not.
    func check(_ record: FineTuningRecord, _ base: FineTuningBase) throws {
        let plan = record.plan
        func check<Value: Equatable>(_ option: String, _ asked: Value?, _ has: Value?) throws {
            guard let asked, asked != has else { return }
            throw ValidationError(
                "\(option): expected \(has.map { "\($0)" } ?? "none"), with which the run began, "
                    + "found \(asked)")
        }
        try check("--method", method.rawValue, record.method.name)
        if case .lora(let config) = record.method {
            try check("--rank", rank, config.r)
            try check("--alpha", alpha, config.loraAlpha)
            try check("--lora-dropout", loraDropout, config.loraDropout)
            if rslora { try check("--rslora", true, config.useRslora) }
            if dora { try check("--dora", true, config.useDora) }
            if case .names(let names) = config.targetModules {
                try check("--target", targets, names)
            }
        }
        try check("--steps", steps, plan.steps)
        try check("--context", context, plan.context)
        try check("--learning-rate", learningRate, plan.learningRate)
        try check("--seed", seed, plan.seed)
        try check("--evaluate-every", evaluateEvery, plan.evaluationInterval)
        try check("--precision", precision.precision, plan.precision)
    }

    /// The options that give `plan` again.
    func command(_ record: FineTuningRecord) -> String {
        let plan = record.plan
        var words = ["--method \(record.method.name)"]
        if case .lora(let config) = record.method {
            words += ["--rank \(config.r)", "--alpha \(config.loraAlpha)"]
            if config.useRslora { words.append("--rslora") }
            if config.useDora { words.append("--dora") }
            if config.loraDropout > 0 { words.append("--lora-dropout \(config.loraDropout)") }
            words.append("--target \(targets?.joined(separator: ",") ?? "all")")
        }
        words += [
            "--steps \(plan.steps)", "--learning-rate \(plan.learningRate)",
            "--batch-tokens \(batchTokens ?? 1024)", "--context \(plan.context)",
            "--seed \(plan.seed)", "--patience \(record.patience)",
            "--precision \(plan.precision.rawValue)",
        ]
        if let validation { words.append("--validation \(TerminalText.shellWord(validation))") }
        if let evaluateEvery { words.append("--evaluate-every \(evaluateEvery)") }
        return words.joined(separator: " ")
    }
}
