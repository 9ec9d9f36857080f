import ArgumentParser
import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText

/// `choroy bench decode`: reading a prompt and generating on fixed shapes, in floats and in 8 bits.
struct BenchDecode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Speed of prompts and generation on fixed shapes (T1, T2, T3).",
        discussion: """
            Random weights of the shapes of `bench train`; T3 has the shape of SmolLM2-135M. prefill: \
            tokens a second of a prompt that fills half of the context; generation: tokens a second of \
            one sequence after it, the likeliest token each time. Both precisions take turns, so that \
            their ratio is paired. Peak memory is that of the process so far, int8 before float32.

            Example: choroy bench decode --case T2 --runs 7
            """)

    @Option(name: .customLong("case"), help: "Case to run; may be repeated. Default: T1 and T2.")
    var cases: [String] = []
    @Option(help: "Timed runs; the median is reported.")
    var runs = 5
    @Option(help: "Tokens generated in a run. Default: up to 64.")
    var tokens = 64
    @OptionGroup var common: BenchOptions

    private static let shapes = BenchTrain.Shape.all.filter {
        ["T1", "T2", "T3"].contains($0.name)
    }

    func validate() throws {
        for (name, value) in [("--runs", runs), ("--tokens", tokens)] {
            guard (1...100_000).contains(value) else {
                throw ValidationError("\(name): expected 1 to 100000, found \(value)")
            }
        }
        for name in cases where !Self.shapes.contains(where: { $0.name == name }) {
            throw ValidationError("--case: expected T1, T2 or T3, found \(name)")
        }
    }

    func run() throws {
        common.begin()
        for shape in Self.shapes {
            guard cases.isEmpty ? shape.name != "T3" : cases.contains(shape.name) else { continue }
            try measure(shape)
        }
    }

    private func measure(_ shape: BenchTrain.Shape) throws {
        var models: [(precision: String, model: Transformer, speeds: [Speed])] = []
        for form in [QuantizationConfig.int8, nil] {
            let model = try Transformer(
                shape.config, from: ParameterSource(seed: 1, isFrozen: true, form: form))
            let precision = form?.rawValue ?? "float32"
            // The first pass packs what has to be packed.
            _ = try Speed(model, context: shape.context, tokens: 1)
            common.report(
                shape.name, metric: "peak_rss_bytes", unit: "bytes",
                [Double(Machine.peakResidentBytes)], precision: precision)
            models.append((precision, model, []))
        }
        for _ in 0..<runs {
            for index in models.indices {
                models[index].speeds.append(
                    try Speed(models[index].model, context: shape.context, tokens: tokens))
            }
        }
        for (precision, _, speeds) in models {
            common.report(
                shape.name, metric: "prefill_tokens_per_second", unit: "tokens/s",
                speeds.map(\.prefill), precision: precision)
            common.report(
                shape.name, metric: "tokens_per_second", unit: "tokens/s",
                speeds.map(\.generation), precision: precision)
        }
        let ratios = zip(models[0].speeds, models[1].speeds).map { $0.generation / $1.generation }
        common.report(
            shape.name, metric: "generation_speedup", unit: "×", ratios, precision: "int8")
    }

    /// Tokens per second of one prompt and what follows it.
    private struct Speed {
        let prefill: Double
        let generation: Double

        init(_ model: Transformer, context: Int, tokens: Int) throws {
            var random = SeededRandom(seed: 3)
            let prompt = (0..<context / 2).map { _ in
                TokenID(random.below(model.config.vocabSize))
            }
            var parameters = SamplingParameters()
            parameters.temperature = 0
            var generator = TokenGenerator(
                model, prompt: prompt, sampler: try Sampler(parameters),
                maxTokens: tokens + 1, contextLength: context)
            let start = Machine.now()
            while generator.prefill() {}
            let middle = Machine.now()
            prefill = Double(prompt.count) / max(middle - start, 1e-9)
            // What comes of the prompt's logits needs no pass of its own.
            _ = try generator.step()
            let first = Machine.now()
            while try generator.step() != nil {}
            generation = Double(tokens) / max(Machine.now() - first, 1e-9)
        }
    }
}
