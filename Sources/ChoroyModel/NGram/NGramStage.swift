/// What long work on an n-gram model is at.
public enum NGramStage: Sendable, Equatable {
    case reading, counting, estimating, writing

    /// What the work is counted in.
    public var unit: String {
        switch self {
        case .reading: "bytes"
        case .counting: "tokens"
        case .estimating, .writing: "n-grams"
        }
    }

    /// Called now and then, by one thread.
    public typealias Progress = (_ stage: NGramStage, _ done: Int, _ total: Int) -> Void
}
