public import ChoroyTensor
public import ChoroyText

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

    /// Natural logarithms of the probability of each token given all before it.
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
