import ChoroyText

/// What an n-gram model remembers of a sequence: its tokens, and the n-grams of the model it ends with.
public struct NGramState: SequenceState {
    private(set) var tokens: [TokenID] = []
    /// The place of the n-gram that the last k + 1 tokens are, `NGramContexts.none` where the model has none;
    /// nil when they must be found anew.
    var contexts: [UInt32]?

    init(contexts: [UInt32]) { self.contexts = contexts }

    public var count: Int { tokens.count }

    public mutating func truncate(to count: Int) {
        precondition(
            count >= 0 && count <= tokens.count, "truncate \(tokens.count) tokens to \(count)")
        if count == tokens.count { return }
        tokens.removeLast(tokens.count - count)
        contexts = nil
    }

    mutating func append(_ read: some Collection<TokenID>) { tokens += read }
}
