internal import ChoroySystem
public import ChoroyText

/// Sequences of `context` tokens and the tokens that follow them, shuffled anew for each epoch.
///
/// Batch number s is a function of (tokens, seed, s) alone, so a run that resumes reads what it would
/// have read. An epoch visits every document once (or as often as its weight says): documents stand
/// in a new order, are cut into non-overlapping pieces from a random offset below `context` on, and
/// the pieces come in a random order, which takes no memory.
///
/// A pool of documents with weight w and N pieces gives round(w · N) of them to each epoch, in passes
/// through all N: with 0.5 every document is read once in two epochs, with 2 twice in one.
public struct PretrainingBatches: TrainingBatches {
    /// What the sequences are made of: the model reads the first `context` tokens of each, and is
    /// scored on the last.
    public let tokens: TrainingTokens
    public let context: Int
    public let batchSize: Int
    /// Sequences of a part of a batch.
    public let microBatchSize: Int
    private let seed: UInt64
    private let pools: [DocumentGroups]
    /// Pieces of an epoch before each pool's, and of all.
    private let ends: [Int]
    /// The group that was read last, since neighbours in a small text are of one.
    private var order: (pool: Int, pass: Int, group: Int, order: GroupOrder)?

    /// - Precondition: each pool has more than `context` tokens.
    public init(
        _ tokens: TrainingTokens, context: Int, batchSize: Int, microBatchSize: Int? = nil,
        seed: UInt64
    ) {
        if let problem = Self.problem(tokens, context: context) {
            preconditionFailure(
                "\(problem.tokens) tokens of weight \(problem.weight), context \(context)")
        }
        self.tokens = tokens
        self.context = context
        self.batchSize = batchSize
        self.microBatchSize = microBatchSize ?? batchSize
        self.seed = seed
        pools = tokens.pools.map { DocumentGroups($0.documents, of: tokens, context: context) }
        var ends = [0]
        for (pool, groups) in zip(tokens.pools, pools) {
            let wanted = (pool.weight * Double(groups.pieceCount)).rounded()
            ends.append(ends[ends.count - 1] + max(1, Int(min(wanted, 0x1p40))))
        }
        self.ends = ends
    }

    public init(
        _ tokens: [TokenID], context: Int, batchSize: Int, microBatchSize: Int? = nil, seed: UInt64
    ) {
        self.init(
            TrainingTokens(tokens), context: context, batchSize: batchSize,
            microBatchSize: microBatchSize, seed: seed)
    }

    /// The first pool that has no more than `context` tokens; nil when all have.
    package static func problem(_ tokens: TrainingTokens, context: Int) -> (
        tokens: Int, weight: Double
    )? {
        guard !tokens.pools.isEmpty else { return (0, 1) }
        for pool in tokens.pools {
            let count =
                tokens.start(ofDocument: pool.documents.upperBound)
                - tokens.start(ofDocument: pool.documents.lowerBound)
            if count <= context { return (count, pool.weight) }
        }
        return nil
    }

    /// Pieces of one epoch.
    public var piecesPerEpoch: Int { ends[ends.count - 1] }

    /// The inputs [B · T] and targets [B · T] of batch `step`, counted from 0.
    public mutating func batch(_ step: Int) -> (inputs: [TokenID], targets: [TokenID]) {
        var inputs: [TokenID] = []
        var targets: [TokenID] = []
        inputs.reserveCapacity(batchSize * context)
        targets.reserveCapacity(batchSize * context)
        for row in 0..<batchSize {
            let sequence = sequence(step * batchSize + row)
            inputs += sequence.dropLast()
            targets += sequence.dropFirst()
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

    /// Sequence `number` of the run: `context + 1` tokens.
    private mutating func sequence(_ number: Int) -> [TokenID] {
        let (epoch, slot) = number.quotientAndRemainder(dividingBy: piecesPerEpoch)
        // Which pool, and which of its pieces, counted over all epochs.
        var pool = 0
        var place = slot
        if pools.count > 1 {
            place = SeededPermutation(piecesPerEpoch, seed: key(0, epoch))[slot]
            while ends[pool + 1] <= place { pool += 1 }
        }
        let share = ends[pool + 1] - ends[pool]
        let groups = pools[pool]
        let (pass, index) = (epoch * share + place - ends[pool])
            .quotientAndRemainder(dividingBy: groups.pieceCount)
        let piece = SeededPermutation(groups.pieceCount, seed: key(2 * pool + 1, pass))[index]
        let group = groups.group(of: piece)
        if order?.pool != pool || order?.pass != pass || order?.group != group.number {
            let new = GroupOrder(
                group.documents, of: tokens, context: context,
                seed: SeededRandom.value(
                    seed: key(2 * pool + 2, pass), stream: 1, index: UInt64(group.number)))
            order = (pool, pass, group.number, new)
        }
        var sequence: [TokenID] = []
        sequence.reserveCapacity(context + 1)
        order?.order.append(group.piece, of: tokens, context: context, to: &sequence)
        return sequence
    }

    /// The seed of pass or epoch `index` of stream `stream`.
    private func key(_ stream: Int, _ index: Int) -> UInt64 {
        SeededRandom.value(
            seed: SeededRandom.key(seed: seed, stream: 16 + UInt64(stream)), stream: 1,
            index: UInt64(index))
    }
}
