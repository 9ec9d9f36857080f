public import ChoroyText

/// What a trainer learns from: batch number s is a function of s alone, so that a run that resumes
/// reads what it would have read.
public protocol TrainingBatches: Sendable {
    /// The parts of batch `step`, counted from 0, whose activations exist one after another.
    mutating func microBatches(_ step: Int) -> [MicroBatch]

    /// Tokens read by all steps before `step`.
    mutating func tokens(before step: Int) -> Int
}

/// Sequences that are read at once, one after another and without a view of each other.
public struct MicroBatch: Sendable {
    public var inputs: [TokenID]
    /// The token that follows each input; −1 where nothing is to be learnt.
    public var targets: [TokenID]
    /// Tokens of each sequence.
    public var lengths: [Int]
    /// Sequences of the batch before this part: dropout draws other numbers for each part.
    public var first: Int

    public init(inputs: [TokenID], targets: [TokenID], lengths: [Int], first: Int) {
        precondition(
            inputs.count == targets.count && lengths.reduce(0, +) == inputs.count,
            "MicroBatch: \(inputs.count) inputs, \(targets.count) targets, lengths \(lengths)")
        self.inputs = inputs
        self.targets = targets
        self.lengths = lengths
        self.first = first
    }

    /// Tokens that are learnt.
    public var targetCount: Int { targets.reduce(0) { $1 < 0 ? $0 : $0 + 1 } }
}
