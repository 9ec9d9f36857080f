/// What an n-gram model remembers of a sequence: after each token read, the context for the next.
public struct NGramState: SequenceState {
    private let initial: NGramContext
    private var contexts: [NGramContext] = []

    init(initial: NGramContext) { self.initial = initial }

    public var count: Int { contexts.count }

    public mutating func truncate(to count: Int) {
        precondition(
            count >= 0 && count <= contexts.count, "truncate \(contexts.count) tokens to \(count)")
        contexts.removeLast(contexts.count - count)
    }

    /// The longest n-gram of the model that the tokens read end with.
    var context: NGramContext { contexts.last ?? initial }

    mutating func append(_ context: NGramContext) { contexts.append(context) }
}

/// An n-gram of a model as a context: its order, and its place among the n-grams of that order.
struct NGramContext: Sendable, Equatable {
    var level: Int32
    var index: UInt32

    static let empty = NGramContext(level: 0, index: 0)
}
