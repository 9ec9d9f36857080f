import ChoroySystem
import ChoroyText
import ChoroyTraining

/// The text of a run, read and tokenized: its tokenizer, and its token file in the run's directory.
///
/// The token file is made before it is clear that the run can begin; with the last copy of this value
/// it goes again, unless `keep` was called or it was there before.
final class SessionText {
    let request: TextRequest
    let text: TrainingText
    private(set) var size: TrainingText.Size?
    private let output: String
    private let wasThere: Bool
    /// Directories that were made for the file, the deepest first.
    private let made: [String]
    private var isKept = false
    private var progress: (work: String, line: Progress)?

    /// Reads the files once, for their hash.
    init(_ request: TextRequest, output: String) throws {
        self.request = request
        self.output = output
        let training = FilePath.join(output, "training")
        wasThere = FilePath.kind(of: Self.path(in: output)) != .missing
        made = [training, output].filter { FilePath.kind(of: $0) == .missing }
        var line: (work: String, line: Progress)?
        text = try request.text { Self.show(&line, $0, $1, $2) }
        line?.line.clear()
    }

    deinit {
        guard !isKept && !wasThere else { return }
        try? FilePath.remove(Self.path(in: output))
        for folder in made where (try? FilePath.list(folder))?.isEmpty == true {
            try? FilePath.remove(folder)
        }
    }

    static func path(in output: String) -> String { FilePath.join(output, "training/tokens.bin") }

    /// The token file belongs to a run now.
    func keep() { isKept = true }

    /// A new tokenizer for the text, of `vocabSize` entries or as many as suit it.
    func newTokenizer(vocabSize: Int?) throws -> Tokenizer {
        let size = try countedSize()
        let sample = try text.sample(of: size) { self.show($0, $1, $2) }
        clear()
        if size.bytes > TrainingText.sampleLimit {
            StandardStreams.note(
                "the tokenizer is trained on \(Figures.megabytes(sample.reduce(0) { $0 + $1.count })) "
                    + "from all over the text")
        }
        let count = vocabSize ?? Preset.vocabularySize(forBytes: size.bytes)
        return try BPETrainer(vocabularySize: count).train(sample)
    }

    /// The text as tokens of `tokenizer`.
    func tokens(_ tokenizer: Tokenizer) throws -> TokenFile {
        let file = try text.tokens(
            at: Self.path(in: output), tokenizer: tokenizer, size: size,
            report: { self.show($0, $1, $2) }, note: { StandardStreams.note("note: \($0)") })
        clear()
        return file
    }

    private func countedSize() throws -> TrainingText.Size {
        if let size { return size }
        let size = try text.size { self.show($0, $1, $2) }
        clear()
        self.size = size
        return size
    }

    private func show(_ work: String, _ done: Int, _ total: Int) {
        Self.show(&progress, work, done, total)
    }

    private func clear() {
        progress?.line.clear()
        progress = nil
    }

    private static func show(
        _ progress: inout (work: String, line: Progress)?, _ work: String, _ done: Int, _ total: Int
    ) {
        if progress?.work != work {
            progress?.line.clear()
            progress = (work, Progress(work, total: total, unit: "bytes"))
        }
        progress?.line.update(done)
    }
}
