internal import ChoroyModel
internal import ChoroySystem
internal import ChoroyTensor

/// A training run in its directory: a trainer, its checkpoints, and the best state by validation,
/// which is what the directory's model is.
///
///     DIR/model.safetensors, or adapter_model.safetensors   the best state's, linked
///     DIR/training/plan.json                                what decides how the run goes
///     DIR/training/step-…/                                  weights, optimizer, state, and the best
///
/// A run that is killed at any instant and opened again ends with the bytes of one never stopped.
public final class TrainingRun {
    public let directory: String
    public let trainer: Trainer
    /// Validations in a row without a better one after which the run ends; 0 for never.
    public let patience: Int
    /// The step and the loss of the best validation so far.
    public private(set) var best: (step: Int, loss: Double)?
    /// Validations since the best.
    public private(set) var waiting = 0
    /// What was found damaged on opening, and what was done about it, one line each.
    public internal(set) var repairs: [String]
    private let store: CheckpointStore
    /// The file of the model's directory that is the best state.
    private let published: String
    /// The newest checkpoint, and the best of its time.
    private var saved: (checkpoint: Checkpoint, best: (step: Int, loss: Double)?)?

    /// A run whose files other than checkpoints are written, and whose trainer has the weights of
    /// `checkpoint`; nil for one at its start.
    init(
        _ directory: String, _ trainer: Trainer, _ store: CheckpointStore, publishing name: String,
        patience: Int = 0, at checkpoint: Checkpoint?
    ) throws {
        self.directory = directory
        self.trainer = trainer
        self.store = store
        published = name
        self.patience = patience
        repairs = store.damaged.map { "passed over a damaged checkpoint: \($0)" }
        guard let checkpoint else { return }
        try trainer.restore(from: checkpoint)
        let path = checkpoint.path(of: Self.bestName)
        let json = try JSONReader.parse(FileBytes.read(path, limit: 1 << 20), path: path)
        guard let waiting = json["waiting"]?.integer, waiting >= 0 else {
            throw FileError(path, at: "waiting", expected: "0 or more", found: "none")
        }
        self.waiting = waiting
        if let step = json["step"]?.integer, let loss = json["loss"]?.double { best = (step, loss) }
        saved = (checkpoint, best)
    }

    /// Whether the plan is done, or has had no better validation for too long.
    public var isOver: Bool {
        trainer.step >= trainer.plan.steps || patience > 0 && waiting >= patience
    }

    /// Takes note of a validation of the present state, which is to be saved next; true when it is
    /// the best so far.
    public func note(validationLoss loss: Double) -> Bool {
        // Anything is better than a loss that is no number.
        guard loss.isFinite, best.map({ loss < $0.loss }) ?? true else {
            waiting += 1
            return false
        }
        best = (trainer.step, loss)
        waiting = 0
        return true
    }

    /// Goes back to the best state that was saved: for a last look, after which there is no step.
    ///
    /// - Throws: `FileError` when it can no longer be read.
    public func takeBest() throws {
        guard let saved, let best = saved.best, best.step != trainer.step else { return }
        try trainer.restoreWeights(from: saved.checkpoint.path(of: published))
    }

    // MARK: - Checkpoints

    private static let bestName = "best.json"
    /// The weights of the checkpoint's step, when those are not the best.
    private static let presentName = "weights.safetensors"

    /// The file with the weights of the checkpoint's step.
    static func weights(of checkpoint: Checkpoint, published name: String) -> String {
        let hasOwn = checkpoint.files.contains { $0.name == presentName }
        return checkpoint.path(of: hasOwn ? presentName : name)
    }

    /// Writes a checkpoint of the present step, and links the best weights into the directory.
    ///
    /// - Throws: `FileError`; earlier checkpoints are intact then, and a best state that could not be
    ///   saved does not count.
    public func save() throws {
        do {
            let checkpoint = try store.save(step: trainer.step, write)
            saved = (checkpoint, best)
        } catch {
            // After the rename a checkpoint stands, whatever failed then.
            if best?.step == trainer.step, saved?.best?.step != best?.step {
                best = saved?.best
                waiting += 1
            }
            throw error
        }
    }

    private func write(to directory: String) throws {
        var isBest = true
        // Before the first validation the present state is all there is.
        if let best, best.step != trainer.step, let saved, saved.best?.step == best.step {
            isBest = false
            try copyBest(of: saved.checkpoint, to: directory)
        }
        try trainer.write(to: directory, weights: isBest ? published : Self.presentName)
        let json = JSONObject([
            ("step", best.map { .integer($0.step) } ?? .null),
            ("loss", best.map { .number($0.loss) } ?? .null), ("waiting", .integer(waiting)),
        ])
        try AtomicFile.write(
            JSONWriter.bytes(.object(json), indentation: 2) + [10],
            to: FilePath.join(directory, Self.bestName))
    }

    /// A copy, not a link: what damages one checkpoint must not damage the next.
    private func copyBest(of checkpoint: Checkpoint, to directory: String) throws {
        guard let file = checkpoint.files.first(where: { $0.name == published }) else { return }
        let target = FilePath.join(directory, published)
        try AtomicFile.copy(checkpoint.path(of: published), to: target)
        let hash = try XXHash64.hex(ofFile: target).hash
        guard hash == file.hash else {
            throw FileError(
                checkpoint.path(of: published), expected: "xxh64 \(file.hash)", found: hash)
        }
    }
}
