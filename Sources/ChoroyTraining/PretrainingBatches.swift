internal import ChoroySystem
public import ChoroyText

/// Sequences of `context` tokens and the tokens that follow them, shuffled anew for each epoch.
///
/// Batch number s is a function of (tokens, seed, s) alone, so a run that resumes reads what it would
/// have read. An epoch visits the text in non-overlapping pieces, in a random order, beginning at a
/// random offset below `context`.
public struct PretrainingBatches: Sendable {
    /// Tokens of each sequence: the model reads the first `context`, and is scored on the last.
    public let tokens: [TokenID]
    public let context: Int
    public let batchSize: Int
    private let seed: UInt64
    private var epoch = -1
    private var order: [Int32] = []
    private var offset = 0

    /// - Precondition: `tokens.count > context`.
    public init(_ tokens: [TokenID], context: Int, batchSize: Int, seed: UInt64) {
        precondition(tokens.count > context, "\(tokens.count) tokens, context \(context)")
        self.tokens = tokens
        self.context = context
        self.batchSize = batchSize
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

    private mutating func start(of piece: Int) -> Int {
        let pieces = piecesPerEpoch
        if piece / pieces != epoch {
            epoch = piece / pieces
            var random = SeededRandom(
                seed: SeededRandom.value(seed: seed, stream: 1, index: UInt64(epoch)))
            order = Array(0..<Int32(pieces))
            // Fisher & Yates by hand: a later Swift may shuffle in another order.
            for last in order.indices.dropFirst().reversed() {
                order.swapAt(last, random.below(last + 1))
            }
            let spare = tokens.count - 1 - pieces * context
            offset = random.below(min(context, spare) + 1)
        }
        return offset + Int(order[piece % pieces]) * context
    }
}
