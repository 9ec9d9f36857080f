internal import ChoroySystem
public import ChoroyText

/// Sequences of `context` tokens and the tokens that follow them, shuffled anew for each epoch.
///
/// Batch number s is a function of (tokens, seed, s) alone, so a run that resumes reads what it would
/// have read. An epoch visits the text in non-overlapping pieces, in a random order, beginning at a
/// random offset below `context`.
public struct PretrainingBatches: TrainingBatches {
    /// Tokens of each sequence: the model reads the first `context`, and is scored on the last.
    public let tokens: [TokenID]
    public let context: Int
    public let batchSize: Int
    /// Sequences of a part of a batch.
    public let microBatchSize: Int
    private let seed: UInt64
    private var epoch = -1
    private var order: [Int32] = []
    private var offset = 0

    /// - Precondition: `tokens.count > context`.
    public init(
        _ tokens: [TokenID], context: Int, batchSize: Int, microBatchSize: Int? = nil, seed: UInt64
    ) {
        precondition(tokens.count > context, "\(tokens.count) tokens, context \(context)")
        self.tokens = tokens
        self.context = context
        self.batchSize = batchSize
        self.microBatchSize = microBatchSize ?? batchSize
        self.seed = seed
    }

    /// Pieces of one epoch.
    public var piecesPerEpoch: Int { max(1, (tokens.count - 1) / context - 1) }

    /// The inputs [B · T] and targets [B · T] of batch `step`, counted from 0.
    public mutating func batch(_ step: Int) -> (inputs: [TokenID], targets: [TokenID]) {
        var inputs: [TokenID] = []
        var targets: [TokenID] = []
        inputs.reserveCapacity(batchSize * context)
        targets.reserveCapacity(batchSize * context)
        for row in 0..<batchSize {
            let start = start(of: step * batchSize + row)
            inputs += tokens[start..<start + context]
            targets += tokens[start + 1...start + context]
        }
        return (inputs, targets)
    }

    public mutating func microBatches(_ step: Int) -> [MicroBatch] {
        let (inputs, targets) = batch(step)
        return stride(from: 0, to: batchSize, by: microBatchSize).map { first in
            let count = min(microBatchSize, batchSize - first)
            let range = first * context..<(first + count) * context
            return MicroBatch(
                inputs: Array(inputs[range]), targets: Array(targets[range]),
                lengths: [Int](repeating: context, count: count), first: first)
        }
    }

    public func tokens(before step: Int) -> Int { step * batchSize * context }

    private mutating func start(of piece: Int) -> Int {
        let pieces = piecesPerEpoch
        if piece / pieces != epoch {
            epoch = piece / pieces
            var random = EpochOrder.random(seed: seed, epoch: epoch)
            order = EpochOrder.shuffled(pieces, using: &random)
            let spare = tokens.count - 1 - pieces * context
            offset = random.below(min(context, spare) + 1)
        }
        return offset + Int(order[piece % pieces]) * context
    }
}
