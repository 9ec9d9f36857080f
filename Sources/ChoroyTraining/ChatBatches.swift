internal import ChoroySystem
internal import ChoroyText

/// Conversations packed one after another without padding, shuffled anew for each epoch.
///
/// Positions begin anew with each conversation, and attention stays inside of it.
public struct ChatBatches: TrainingBatches {
    private let examples: [ChatExample]
    /// Conversations of a batch.
    public let batchSize: Int
    /// Tokens that are read at once, unless a single conversation has more.
    public let microBatchTokens: Int
    private let seed: UInt64
    private var epoch = -1
    private var order: [Int32] = []
    /// Tokens of the first n conversations of the epoch.
    private var sums: [Int] = []

    /// - Precondition: there is an example.
    public init(_ examples: [ChatExample], batchSize: Int, microBatchTokens: Int, seed: UInt64) {
        precondition(!examples.isEmpty && batchSize > 0, "ChatBatches: nothing to learn from")
        self.examples = examples
        self.batchSize = batchSize
        self.microBatchTokens = microBatchTokens
        self.seed = seed
    }

    public mutating func microBatches(_ step: Int) -> [MicroBatch] {
        Self.packed(
            (0..<batchSize).map { example(step * batchSize + $0) }, atMost: microBatchTokens)
    }

    public mutating func tokens(before step: Int) -> Int {
        let (epoch, rest) = (step * batchSize).quotientAndRemainder(dividingBy: examples.count)
        let whole = epoch * examples.reduce(0) { $0 + $1.length }
        if rest == 0 { return whole }
        turn(to: epoch)
        return whole + sums[rest]
    }

    private mutating func example(_ place: Int) -> ChatExample {
        turn(to: place / examples.count)
        return examples[Int(order[place % examples.count])]
    }

    private mutating func turn(to epoch: Int) {
        guard epoch != self.epoch else { return }
        self.epoch = epoch
        var random = EpochOrder.random(seed: seed, epoch: epoch)
        order = EpochOrder.shuffled(examples.count, using: &random)
        sums = [0]
        for index in order { sums.append((sums.last ?? 0) + examples[Int(index)].length) }
    }

    /// `examples` in their order, in parts of at most `limit` tokens or a single example.
    static func packed(_ examples: [ChatExample], atMost limit: Int) -> [MicroBatch] {
        var parts: [MicroBatch] = []
        var part = MicroBatch(inputs: [], targets: [], lengths: [], first: 0)
        for (index, example) in examples.enumerated() {
            if !part.lengths.isEmpty && part.inputs.count + example.length > limit {
                parts.append(part)
                part = MicroBatch(inputs: [], targets: [], lengths: [], first: index)
            }
            part.inputs += example.inputs
            part.targets += example.targets
            part.lengths.append(example.length)
        }
        if !part.lengths.isEmpty { parts.append(part) }
        return parts
    }
}
