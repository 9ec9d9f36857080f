public import ChoroyModel

/// Model sizes with names, each with the batch and the learning rate that suit it.
public enum Preset: String, Sendable, CaseIterable, Comparable {
    case nano, micro, mini, small, base

    /// By size.
    public static func < (left: Preset, right: Preset) -> Bool {
        left.shape.hiddenSize < right.shape.hiddenSize
    }

    /// Layers, width, heads, key-value heads and context.
    public var shape: (layers: Int, hiddenSize: Int, heads: Int, keyValueHeads: Int, context: Int) {
        switch self {
        case .nano: (2, 64, 2, 2, 128)
        case .micro: (4, 128, 4, 4, 128)
        case .mini: (6, 192, 6, 6, 192)
        case .small: (6, 384, 6, 6, 256)
        case .base: (12, 576, 9, 3, 512)
        }
    }

    /// Tokens of a step.
    public var batchTokens: Int {
        switch self {
        case .nano, .micro: 2048
        case .mini: 3072
        case .small: 8192
        case .base: 16384
        }
    }

    /// Peak of the learning rate; wider models want smaller ones.
    public var learningRate: Double {
        switch self {
        case .nano: 4e-3
        case .micro: 3e-3
        case .mini: 2e-3
        case .small: 1e-3
        case .base: 6e-4
        }
    }

    /// The size that a training time can fill on a machine that trains `micro` at
    /// `referenceTokensPerSecond`: two cores of 2023.
    public static func suited(to seconds: Double) -> Preset {
        switch seconds {
        case ..<45: .nano
        case ..<720: .micro
        case ..<2400: .mini
        case ..<14_400: .small
        default: .base
        }
    }

    /// The same, but not larger than a text of so many tokens can teach: a model above `micro` with more than three
    /// parameters for each token learns the text by heart before its time is over (checkpoints/README.md).
    public static func suited(to seconds: Double, tokens: Int, vocabSize: Int) -> Preset {
        var preset = suited(to: seconds)
        for smaller in [Preset.small, .mini, .micro]
        where preset > smaller
            && preset.config(vocabSize: vocabSize).parameterCount > 3 * tokens
        {
            preset = smaller
        }
        return preset
    }

    /// Tokens a second of `micro` that the times of `suited` are meant for.
    public static let referenceTokensPerSecond = 40_000.0

    /// What each preset is, needs and gives, in lines of a table.
    public static var table: [String] {
        let head = "preset layers width heads context parameters tokens/step  memory  time"
        let times = ["< 1 min", "< 12 min", "< 40 min", "< 4 h", "longer"]
        func right(_ value: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - value.count)) + value
        }
        let rows = zip(allCases, times).map { preset, time in
            let (shape, config) = (preset.shape, preset.config(vocabSize: 1024))
            let batchSize = preset.batchTokens / shape.context
            let plan = TrainingPlan(
                steps: 1, context: shape.context, batchSize: batchSize,
                lanes: TrainingPlan.lanes(
                    parameters: config.parameterCount, context: shape.context,
                    batchSize: batchSize))
            let memory = plan.memoryEstimate(config, textBytes: 1 << 20, threads: 2) / 1_000_000
            let millions = Double(config.parameterCount / 10_000) / 100
            return preset.rawValue + right("\(shape.layers)", 13 - preset.rawValue.count)
                + right("\(shape.hiddenSize)", 6) + right("\(shape.heads)", 6)
                + right("\(shape.context)", 8) + right("\(millions) M", 11)
                + right("\(preset.batchTokens)", 12) + right("\(memory) MB", 8) + "  " + time
        }
        return [head] + rows
    }

    /// The configuration for a vocabulary of `vocabSize` tokens.
    public func config(vocabSize: Int) -> TransformerConfig {
        TransformerConfig(
            vocabSize: vocabSize, hiddenSize: shape.hiddenSize, numHiddenLayers: shape.layers,
            numAttentionHeads: shape.heads, numKeyValueHeads: shape.keyValueHeads,
            maxPositionEmbeddings: shape.context)
    }

    /// Entries of a new tokenizer for a text of this size: small texts cannot teach rare tokens.
    public static func vocabularySize(forBytes count: Int) -> Int {
        switch count {
        case ..<2_000_000: 512
        case ..<4_000_000: 1024
        case ..<20_000_000: 4096
        default: 8192
        }
    }
}
