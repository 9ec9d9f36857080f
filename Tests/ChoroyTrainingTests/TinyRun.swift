import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining
import TestSupport
import Testing

/// A training run of some milliseconds: a byte-level model of 1 layer and width 16.
struct TinyRun {
    var record: TrainingRecord
    let tokenizer: Tokenizer
    let tokens: TrainingTokens

    init(
        steps: Int = 12, dropout: Float = 0.1, microBatchSize: Int? = nil, batchSize: Int = 3,
        lanes: Int = 1, learningRate: Double = 0.01, seed: UInt64 = 1,
        optimizer: Optimizer.Method = .adamw
    ) throws {
        tokenizer = try BPETrainer(vocabularySize: 264).train([UInt8]())
        let text = (0..<300).map { "Bird \($0 % 7) sings \($0 % 5).\n" }.joined()
        tokens = TrainingTokens(tokenizer.encode(Array(text.utf8)))
        record = TrainingRecord(
            plan: TrainingPlan(
                steps: steps, context: 16, batchSize: batchSize, microBatchSize: microBatchSize,
                lanes: lanes, learningRate: learningRate, dropout: dropout, seed: seed,
                optimizer: Optimizer.Settings(optimizer)),
            config: TransformerConfig(
                vocabSize: tokenizer.vocabularySize, hiddenSize: 16, numHiddenLayers: 2,
                numAttentionHeads: 2, numKeyValueHeads: 1, maxPositionEmbeddings: 16),
            textHash: "0123456789abcdef")
    }

    /// A trainer at its start, without a directory.
    func trainer() throws -> Trainer {
        Trainer(
            try Transformer(record.config, from: ParameterSource(seed: record.plan.seed)),
            tokens: tokens, plan: record.plan)
    }

    func begin(in directory: String) throws -> TrainingRun {
        try TrainingRun(new: directory, record, tokenizer: tokenizer, tokens: tokens)
    }

    func resume(in directory: String) throws -> TrainingRun {
        try TrainingRun(
            resuming: directory, textHash: record.textHash, tokenizer: tokenizer, tokens: tokens)
    }

    /// Trains `steps` steps, or to the end.
    static func train(_ run: TrainingRun, steps: Int = .max, saveEvery interval: Int = .max) throws
    {
        for _ in 0..<steps {
            guard let report = run.trainer.next() else { break }
            if report.step.isMultiple(of: interval) { try run.save() }
        }
    }

    /// SHA-256 of each file of the newest checkpoint and of the published model, by name.
    static func hashes(in directory: String) throws -> [String: String] {
        let training = FilePath.join(directory, "training")
        let name = try #require(try FilePath.list(training).last { $0.hasPrefix("step-") })
        var hashes = ["newest": name]
        for file in try FilePath.list(FilePath.join(training, name)) {
            hashes[file] = hash(FilePath.join(training, "\(name)/\(file)"))
        }
        hashes["published"] = hash(FilePath.join(directory, "model.safetensors"))
        return hashes
    }

    static func hash(_ path: String) -> String? {
        (try? FileBytes.read(path)).map { SHA256.hex($0) }
    }
}
