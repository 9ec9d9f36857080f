import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText

/// A quantized model beside its original.
struct QuantizationReport {
    private let bytes: (original: Int, changed: Int)
    private let comparison: ModelComparison
    private let rates: (original: Double, changed: Double)
    private let isSample: Bool
    private static let seed: UInt64 = 1

    /// Compares on `corpus`, or on a sample that the original writes.
    init(_ original: ModelDirectory, _ changed: ModelDirectory, _ corpus: Corpus?) throws {
        bytes = (
            FilePath.size(of: original.weights.path) ?? 0,
            FilePath.size(of: changed.weights.path) ?? 0
        )
        let config = original.config
        let models = (
            try Transformer(config, from: original.weights, isFrozen: true),
            try Transformer(changed.config, from: changed.weights, isFrozen: true)
        )
        isSample = corpus == nil
        let texts =
            try corpus.map {
                EvaluationText.texts($0.documents, encoding: original.tokenizer)
            } ?? [Self.sample(models.0, original)]
        let total = texts.reduce(0) { $0 + max(0, $1.tokens.count - 1) }
        guard total > 0 else {
            throw FileError("text", expected: "at least two tokens", found: "\(total + 1)")
        }
        var progress = Progress("comparing", total: total, unit: "tokens")
        comparison = ModelComparison(
            models.0, models.1, on: texts, context: max(2, config.maxPositionEmbeddings)
        ) { progress.update($0) }
        progress.clear()
        rates = try Self.rates(models.0, models.1, texts[0].tokens[0])
    }

    /// A text of up to 1,024 tokens, drawn at temperature 1 with a fixed seed.
    private static func sample(_ model: Transformer, _ directory: ModelDirectory) throws
        -> EvaluationText
    {
        let config = model.config
        let start = TokenID(config.bosTokenId ?? config.eosTokenId.first ?? 0)
        var parameters = SamplingParameters()
        parameters.temperature = 1
        parameters.seed = seed
        var generator = TokenGenerator(
            model, prompt: [start], sampler: try Sampler(parameters), maxTokens: 1023,
            contextLength: config.maxPositionEmbeddings)
        var progress = Progress("writing a sample", total: 1023, unit: "tokens")
        while try generator.step() != nil { progress.update(generator.generated.count) }
        progress.clear()
        let known = directory.tokenizer.vocabularySize
        return EvaluationText(
            tokens: generator.tokens,
            byteCounts: generator.tokens.map {
                Int($0) < known ? directory.tokenizer.bytes(of: $0).count : 0
            })
    }

    /// Tokens per second of both, measured in turns: medians of at least five and of a second's turns.
    private static func rates(_ original: Transformer, _ changed: Transformer, _ start: TokenID)
        throws -> (Double, Double)
    {
        let count = min(64, max(2, original.config.maxPositionEmbeddings - 1))
        var parameters = SamplingParameters()
        parameters.temperature = 0
        func rate(_ model: Transformer) throws -> Double {
            var generator = TokenGenerator(
                model, prompt: [start], sampler: try Sampler(parameters), maxTokens: count)
            // The first token reads the prompt and packs what has to be packed.
            _ = try generator.step()
            let start = Machine.now()
            while try generator.step() != nil {}
            return Double(count - 1) / max(Machine.now() - start, 1e-9)
        }
        var found: ([Double], [Double]) = ([], [])
        let begin = Machine.now()
        while found.0.count < 5 || (Machine.now() - begin < 1 && found.0.count < 99) {
            found.0.append(try rate(original))
            found.1.append(try rate(changed))
        }
        let middle = found.0.count / 2
        return (found.0.sorted()[middle], found.1.sorted()[middle])
    }

    private var ratio: Double { Double(bytes.changed) / Double(max(1, bytes.original)) }

    func summary(_ model: String, _ output: String) -> String {
        func percent(_ share: Double) -> String { "\(Figures.decimal(100 * share, 2)) %" }
        let bits = comparison.bitsPerByte
        let text =
            isSample
            ? "a sample that the original wrote (seed \(Self.seed))" : "the text given"
        return """
            \(output): \(model) in 8 bits
            size            \(Figures.grouped(bytes.changed)) of \(Figures.grouped(bytes.original)) \
            bytes, \(Figures.decimal(ratio, 3)) ×
            bits per byte   \(Figures.decimal(bits.changed, 4)), original \
            \(Figures.decimal(bits.original, 4))
            same first      \(percent(comparison.agreement)) of the predictions
            KL divergence   mean \(Figures.decimal(comparison.meanDivergence, 6)) nats, 99 % below \
            \(Figures.decimal(comparison.divergence(share: 0.99), 5)), largest \
            \(Figures.decimal(comparison.divergence(share: 1), 5))
            generation      \(Figures.decimal(rates.changed, 1)) tokens/s, original \
            \(Figures.decimal(rates.original, 1))
            compared over \(Figures.grouped(comparison.tokens)) tokens of \(text)
            """
    }

    func json(_ model: String, _ output: String, _ text: [String]) -> String {
        let bits = comparison.bitsPerByte
        return JSONWriter.string(
            .object(
                JSONObject([
                    ("model", .string(model)), ("output", .string(output)),
                    ("type", .string("int8")),
                    ("original_bytes", .integer(bytes.original)),
                    ("bytes", .integer(bytes.changed)), ("ratio", .number(ratio)),
                    ("text", isSample ? .null : .array(text.map { .string($0) })),
                    ("sample_seed", isSample ? .integer(Int(Self.seed)) : .null),
                    ("tokens", .integer(comparison.tokens)),
                    ("original_bits_per_byte", .number(bits.original)),
                    ("bits_per_byte", .number(bits.changed)),
                    ("top1_agreement", .number(comparison.agreement)),
                    ("mean_kl", .number(comparison.meanDivergence)),
                    ("p99_kl", .number(comparison.divergence(share: 0.99))),
                    ("max_kl", .number(comparison.divergence(share: 1))),
                    ("original_tokens_per_second", .number(rates.original)),
                    ("tokens_per_second", .number(rates.changed)),
                ])))
    }
}
