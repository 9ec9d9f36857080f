import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining

/// `choroy bench train`: training speed on fixed shapes.
struct BenchTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Training speed on fixed shapes (T1, T2, T3).",
        discussion: """
            Random tokens, AdamW, clipping. T1: 4 layers, 128 wide, vocabulary 65, 12 × 64 \
            tokens a step; T2: 6 layers, 384 wide, vocabulary 4096, 32 × 256; T3: 30 layers, 576 wide, \
            vocabulary 49152, 4 × 512. T1-lora, T2-lora and T3-lora train an adapter of rank 16 on all \
            projections of the frozen model.

            Example: choroy bench train --case T1 --case T2 --runs 5
            """)

    @Option(name: .customLong("case"), help: "Case to run; may be repeated. Default: T1 and T2.")
    var cases: [String] = []
    @Option(help: "Timed blocks of steps; the median is reported.")
    var runs = 5
    @Option(help: "Steps of a block. Default: 100 for T1, 3 for T2, 1 for T3.")
    var steps: Int?
    @Flag(help: "Shows where the time of a block goes, operation by operation.")
    var profile = false
    @Option(help: "Shares of a step that threads do whole. Default: by the size of the model.")
    var lanes: Int?
    @Flag(help: "Computes activations again instead of keeping them.")
    var checkpointActivations = false
    @OptionGroup var precisionOption: PrecisionOption
    @OptionGroup var common: BenchOptions

    struct Shape {
        let name: String
        let config: TransformerConfig
        let context: Int
        let batchSize: Int
        let steps: Int
        /// The adapter that is trained instead of the model.
        var adapter: AdapterConfig?

        /// The same with an adapter of rank 16 on all projections.
        var lora: Shape {
            Shape(
                name: "\(name)-lora", config: config, context: context, batchSize: batchSize,
                steps: steps, adapter: AdapterConfig(r: 16, loraAlpha: 32))
        }

        static var all: [Shape] { full + full.map(\.lora) }

        private static let full = [
            Shape(
                name: "T1",
                config: TransformerConfig(
                    vocabSize: 65, hiddenSize: 128, intermediateSize: 352, numHiddenLayers: 4,
                    numAttentionHeads: 4, maxPositionEmbeddings: 64),
                context: 64, batchSize: 12, steps: 100),
            Shape(
                name: "T2",
                config: TransformerConfig(
                    vocabSize: 4096, hiddenSize: 384, intermediateSize: 1024, numHiddenLayers: 6,
                    numAttentionHeads: 6, maxPositionEmbeddings: 256),
                context: 256, batchSize: 32, steps: 3),
            Shape(
                name: "T3",
                config: TransformerConfig(
                    vocabSize: 49152, hiddenSize: 576, intermediateSize: 1536, numHiddenLayers: 30,
                    numAttentionHeads: 9, numKeyValueHeads: 3, maxPositionEmbeddings: 512),
                context: 512, batchSize: 4, steps: 1),
        ]
    }

    private var precision: Precision { precisionOption.chosen }

    func validate() throws {
        for (name, value) in [("--runs", runs), ("--steps", steps ?? 1)] {
            guard (1...1_000_000).contains(value) else {
                throw ValidationError("\(name): expected 1 to 1000000, found \(value)")
            }
        }
        for name in cases where !Shape.all.contains(where: { $0.name == name }) {
            throw ValidationError(
                "--case: expected T1, T2 or T3, with -lora or without, found \(name)")
        }
    }

    func run() throws {
        common.begin()
        for shape in Shape.all {
            let isDefault = ["T1", "T2"].contains(shape.name)
            guard cases.isEmpty ? isDefault : cases.contains(shape.name) else { continue }
            try measure(shape)
        }
    }

    private func measure(_ shape: Shape) throws {
        let block = steps ?? shape.steps
        let source = ParameterSource(seed: 1, isFrozen: shape.adapter != nil)
        var model = try Transformer(shape.config, from: source)
        var trainable = model.parameters
        if let config = shape.adapter {
            let adapter = Adapter(config, seed: 3)
            model = try model.attaching(adapter)
            trainable = adapter.parameters
        }
        var random = SeededRandom(seed: 2)
        let tokens = (0..<400_000).map { _ in TokenID(random.below(shape.config.vocabSize)) }
        let warmup = max(2, block / 3)
        var plan = TrainingPlan(
            steps: warmup + block * (profile ? runs + 1 : runs), context: shape.context,
            batchSize: shape.batchSize,
            lanes: lanes
                ?? TrainingPlan.lanes(
                    parameters: shape.config.parameterCount, context: shape.context,
                    batchSize: shape.batchSize),
            precision: precision)
        plan.checkpointActivations = checkpointActivations
        if let problem = plan.problem {
            throw ValidationError(
                "--\(problem.key): expected \(problem.expected), found \(problem.found)")
        }
        let batches = PretrainingBatches(
            tokens, context: plan.context, batchSize: plan.batchSize,
            microBatchSize: plan.microBatchSize, seed: plan.seed)
        let trainer = Trainer(model, trainable: trainable, on: batches, plan: plan)
        for _ in 0..<warmup { _ = trainer.next() }
        var rates: [Double] = []
        for _ in 0..<runs {
            let start = Machine.now()
            for _ in 0..<block { _ = trainer.next() }
            rates.append(Double(block * plan.batchTokens) / (Machine.now() - start))
        }
        common.report(
            shape.name, metric: "tokens_per_second", unit: "tokens/s", rates,
            precision: precision.rawValue)
        if profile {
            OperationTimes.shared.start()
            for _ in 0..<block { _ = trainer.next() }
            OperationTable(OperationTimes.shared.stop(), steps: block, precision).show()
        }
        guard shape.adapter == nil else { return reportMemory(shape) }
        // 6 N a token and the attention's two products, as a share of what the machine's multipliers give.
        let attention =
            12.0 * Double(shape.config.numHiddenLayers * shape.context)
            * Double(shape.config.numAttentionHeads * shape.config.headDim) / 2
        let flops = 6 * Double(shape.config.parameterCount) + attention
        common.report(
            shape.name, metric: "gflops", unit: "GFLOP/s", rates.map { $0 * flops / 1e9 },
            precision: precision.rawValue)
        reportMemory(shape)
    }

    private func reportMemory(_ shape: Shape) {
        common.report(
            shape.name, metric: "peak_rss_bytes", unit: "bytes",
            [Double(Machine.peakResidentBytes)], precision: precision.rawValue)
    }
}
