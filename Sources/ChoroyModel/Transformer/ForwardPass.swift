public import ChoroyTensor

/// What one pass over tokens needs beside the tokens: where each sequence begins and how far it has
/// come, what it remembers, and whether gradients are wanted.
public struct ForwardPass {
    /// New tokens of each sequence; the rows of a pass are the sequences one after another.
    public let lengths: [Int]
    /// Position of each row in its sequence.
    let positions: [Int]
    /// What each sequence remembers; nil when it remembers nothing, as in training.
    let memory: Memory?
    public let recordsGradient: Bool
    /// What the factors of recorded products are rounded to.
    public let precision: Precision
    private let regularization: Regularization?
    /// Whether a layer keeps its input only, to be computed again in the backward pass.
    public var recomputesLayers = false

    /// What sequences remember.
    struct Memory {
        /// The new tokens and those read before.
        let rows: ContinuedRows
        /// Keys and values of each sequence, layer and key-value head.
        let tiles: [[[KeyValueTiles]]]
    }

    /// Dropout of the training step `step`.
    public struct Regularization: Sendable {
        public let dropout: Float
        public let seed: UInt64
        public let step: Int

        public init(dropout: Float, seed: UInt64, step: Int) {
            self.dropout = dropout
            self.seed = seed
            self.step = step
        }
    }

    /// A training pass: whole sequences, nothing remembered, gradients recorded.
    public static func training(
        lengths: [Int], _ regularization: Regularization? = nil, precision: Precision = .float32
    ) -> ForwardPass {
        ForwardPass(
            lengths: lengths, positions: lengths.flatMap { 0..<$0 }, memory: nil,
            recordsGradient: true, precision: precision, regularization: regularization)
    }

    /// A pass over whole sequences of which nothing is remembered or recorded, to score them.
    public static func scoring(lengths: [Int]) -> ForwardPass {
        ForwardPass(
            lengths: lengths, positions: lengths.flatMap { 0..<$0 }, memory: nil,
            recordsGradient: false, precision: .float32, regularization: nil)
    }

    /// A pass that continues `caches`, which must have room for the new tokens.
    static func continuing(_ caches: inout [KeyValueCache], lengths: [Int]) -> ForwardPass {
        let past = caches.map(\.count)
        let tiles = caches.indices.map { caches[$0].allTiles() }
        return ForwardPass(
            lengths: lengths, positions: zip(past, lengths).flatMap { $0..<$0 + $1 },
            memory: Memory(rows: ContinuedRows(lengths: lengths, past: past), tiles: tiles),
            recordsGradient: false,
            precision: .float32, regularization: nil)
    }

    /// The key of the dropout at a place in the model; nil when nothing is dropped.
    func dropoutKey(layer: Int, place: Int) -> DropoutKey? {
        regularization.flatMap { regularization in
            guard regularization.dropout > 0 else { return nil }
            return DropoutKey(
                probability: regularization.dropout, seed: regularization.seed,
                step: regularization.step, layer: layer * 4 + place)
        }
    }

    /// The same before an adapter of a linear map, which has a probability of its own.
    func dropoutKey(ofAdapter index: Int, probability: Float) -> DropoutKey? {
        regularization.flatMap { regularization in
            guard probability > 0 else { return nil }
            return DropoutKey(
                probability: probability, seed: regularization.seed, step: regularization.step,
                layer: 1 << 18 + index)
        }
    }
}
