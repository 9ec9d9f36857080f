import ChoroySystem
public import ChoroyTensor
public import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A model that gives each next token a probability, given all tokens before it.
///
/// Two kinds conform: `NGramModel` and `Transformer`. Sampler, evaluator and chat know only this.
public protocol LanguageModel {
    /// What the model remembers of a sequence: n-gram history or key-value cache. A copy is a fork.
    associatedtype State: SequenceState

    var vocabularySize: Int { get }

    /// The state before the first token.
    func initialState() -> State

    /// Reads `tokens[i]` after `states[i]`, for several sequences of any lengths at once.
    ///
    /// Returns logits [rows, V]: with `.last` one row for each sequence, after its last token; with
    /// `.all` one row for each token read, sequence after sequence. Each sequence must have a token.
    func logits(_ tokens: [[TokenID]], states: inout [State], at positions: Positions) -> Tensor

    /// Tokens of a text that are best scored in one call.
    var scoredAtOnce: Int { get }

    /// Natural logarithms of the probability of each token but the first, given all before it.
    ///
    /// Reads all tokens but the last: for a text in pieces, a piece begins with the token that the
    /// piece before ended with. The result has one number fewer than `tokens` for each sequence, none
    /// for a sequence of one token or no token.
    func logProbabilities(_ tokens: [[TokenID]], states: inout [State]) -> [[Double]]
}

/// Which rows of logits a call gives.
public enum Positions: Sendable { case last, all }

/// What a model remembers of one sequence.
public protocol SequenceState: Sendable {
    /// Tokens read so far.
    var count: Int { get }

    /// Forgets all tokens from `count` on, as if they had never been read.
    mutating func truncate(to count: Int)
}

extension LanguageModel {
    public var scoredAtOnce: Int { 1024 }

    /// Log-softmax of `logits`, in `Double`. No more than 64 MB of logits exist at a time.
    public func logProbabilities(_ tokens: [[TokenID]], states: inout [State]) -> [[Double]] {
        precondition(
            tokens.count == states.count, "\(tokens.count) sequences, \(states.count) states")
        var result: [[Double]] = tokens.map { _ in [] }
        let rowLimit = max(1, (1 << 24) / max(1, vocabularySize))
        while true {
            // Sequences that have tokens to be scored, and how many of each this turn reads.
            let open = tokens.indices.filter { result[$0].count + 1 < tokens[$0].count }
            if open.isEmpty { return result }
            let sequences = Array(open.prefix(rowLimit))
            let share = max(1, rowLimit / sequences.count)
            let pieces = sequences.map { sequence in
                let start = result[sequence].count
                return Array(
                    tokens[sequence][start..<min(start + share, tokens[sequence].count - 1)])
            }
            var pieceStates = sequences.map { states[$0] }
            let rows = logits(pieces, states: &pieceStates, at: .all)
            let targets = zip(sequences, pieces).flatMap { sequence, piece in
                let start = result[sequence].count + 1
                return tokens[sequence][start..<start + piece.count]
            }
            var scores = Self.logSoftmax(rows, at: targets)[...]
            for (piece, sequence) in sequences.enumerated() {
                states[sequence] = pieceStates[piece]
                result[sequence] += scores.prefix(pieces[piece].count)
                scores = scores.dropFirst(pieces[piece].count)
            }
        }
    }

    /// For each row of `logits` [N, V] the entry at its target, less the logarithm of the sum of the
    /// row's exponentials.
    private static func logSoftmax(_ logits: Tensor, at targets: [TokenID]) -> [Double] {
        let columns = logits.shape[1]
        precondition(logits.shape[0] == targets.count, "\(logits.shape), \(targets.count) targets")
        for target in targets {
            precondition(
                target >= 0 && Int(target) < columns,
                "token \(target) of a vocabulary of \(columns)")
        }
        let values = unsafe logits.storage.pointer
        return unsafe [Double](unsafeUninitializedCapacity: targets.count) { scores, count in
            ThreadPool.shared.run(targets.count) { row in
                let first = row * columns
                var maximum = -Float.infinity
                for index in first..<first + columns {
                    maximum = unsafe max(maximum, values[index])
                }
                var sum = 0.0
                for index in first..<first + columns {
                    sum += unsafe exp(Double(values[index]) - Double(maximum))
                }
                let value = unsafe Double(values[first + Int(targets[row])])
                unsafe scores.initializeElement(at: row, to: value - Double(maximum) - log(sum))
            }
            count = targets.count
        }
    }
}
