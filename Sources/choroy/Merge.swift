import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `choroy merge`: an adapter folded into its model.
struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Fold a LoRA adapter into its model.",
        discussion: """
            Writes an ordinary model directory that needs no adapter, with the adapter's chat template \
            where it has one. What was written is read again and compared, on a text, with the model \
            as chat, generate and evaluate run it with --adapter, and with the factors kept apart, as \
            training runs it. Matrices in 8 bits are widened, changed and rounded again, which costs \
            accuracy: the comparison says how much.

            Example: choroy merge checkpoints/book --adapter checkpoints/book-chat --output merged
            """)

    @Argument(help: "A model directory.")
    var model: String

    @Option(help: ArgumentHelp("The adapter directory.", valueName: "dir"))
    var adapter: String

    @Option(help: ArgumentHelp("A new directory for the merged model.", valueName: "dir"))
    var output: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    func run() throws {
        threads.apply()
        let place = DerivedModel(path: output)
        try place.checkIsFree(for: model)
        let directory = try ModelDirectory(contentsOf: model)
        let base = try Transformer(directory.config, from: directory.weights, isFrozen: true)
        let change = try Adapter(contentsOf: adapter)
        let attached = try base.attaching(change)
        let merged = try base.merging(change)
        // Template and special tokens as the model has them, then as the adapter has them.
        try place.write(
            merged, of: directory, copying: ["tokenizer_config.json", "chat_template.jinja"],
            from: [model, adapter])
        let written = try ModelDirectory(contentsOf: output)
        let result = try Transformer(written.config, from: written.weights, isFrozen: true)
        let cost = Comparison(attached, result, from: directory.config)
        // Floats are folded by the commands too; bytes keep their adapter beside them.
        let run = merged.isFloat ? Comparison(merged, result, from: directory.config) : cost
        try report(result, run, cost)
    }

    private func report(_ merged: Transformer, _ run: Comparison, _ cost: Comparison) throws {
        if json {
            try StandardStreams.printLine(
                JSONWriter.string(
                    .object(
                        JSONObject([
                            ("model", .string(model)), ("adapter", .string(adapter)),
                            ("output", .string(output)),
                            ("requantized", .bool(!merged.isFloat)),
                            ("tokens", .integer(cost.tokens)),
                            ("max_logit_difference", .number(run.largest)),
                            ("max_logit_difference_of_factors", .number(cost.largest)),
                            ("mean_kl", .number(cost.divergence)),
                            ("top1_agreement", .number(cost.agreement)),
                        ]))))
            return
        }
        let figures =
            "merged against attached over \(cost.tokens) tokens: logits differ by at most "
            + Figures.tiny(run.largest)
            + (merged.isFloat
                ? " (\(Figures.tiny(cost.largest)) from the factors kept apart, as in training)"
                : "") + ", KL \(Figures.tiny(cost.divergence)) nats, "
            + "same first choice \(Figures.decimal(100 * cost.agreement, 1)) %"
        let kind =
            merged.isFloat ? "" : "changed matrices were widened and rounded to 8 bits again; "
        try StandardStreams.printLine("\(output): \(kind)\(figures)")
    }
}

/// How far the predictions of two models lie apart, on a text that the first one writes.
private struct Comparison {
    let tokens: Int
    /// Largest difference of two logits.
    let largest: Double
    /// Mean KL divergence of the second from the first, in nats.
    let divergence: Double
    /// Share of positions where both have the same first choice.
    let agreement: Double

    init(_ first: Transformer, _ second: Transformer, from config: TransformerConfig) {
        let count = min(192, config.maxPositionEmbeddings)
        let start = TokenID(config.bosTokenId ?? config.eosTokenId.first ?? 0)
        var text = [start]
        var parameters = SamplingParameters()
        parameters.seed = 1
        if let sampler = try? Sampler(parameters) {
            let generator = TokenGenerator(
                first, prompt: text, sampler: sampler, maxTokens: count - 1, stopTokens: [],
                contextLength: config.maxPositionEmbeddings)
            for token in generator { text.append(token) }
        }
        let (a, b) = (Self.logits(first, text), Self.logits(second, text))
        tokens = text.count
        let size = config.vocabSize
        var (largest, total, same) = (0.0, 0.0, 0)
        for row in 0..<text.count {
            let (p, q) = (a.row(row), b.row(row))
            for i in 0..<size { largest = max(largest, Double(abs(p[i] - q[i]))) }
            total += Self.divergence(p, q)
            if Self.first(p) == Self.first(q) { same += 1 }
        }
        self.largest = largest
        divergence = total / Double(max(1, text.count))
        agreement = Double(same) / Double(max(1, text.count))
    }

    private static func logits(_ model: Transformer, _ text: [TokenID]) -> Tensor {
        var states = [model.initialState()]
        return model.logits([text], states: &states, at: .all)
    }

    private static func first(_ logits: [Float]) -> Int {
        logits.indices.max { logits[$0] < logits[$1] } ?? 0
    }

    private static func divergence(_ p: [Float], _ q: [Float]) -> Double {
        func logSoftmax(_ logits: [Float]) -> [Double] {
            let top = Double(logits.max() ?? 0)
            let sum = logits.reduce(0.0) { $0 + exp(Double($1) - top) }
            return logits.map { Double($0) - top - log(sum) }
        }
        let (a, b) = (logSoftmax(p), logSoftmax(q))
        return max(0, zip(a, b).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) })
    }
}
