/// Which tokens of a text are scored, and how much text before each the model sees.
public enum EvaluationConvention: Sendable, Equatable {
    /// Every token once; a window keeps half a context of the one before it. With no context the model
    /// reads the whole document in one piece.
    case rolling(context: Int?)
    /// Windows side by side, the second half of each scored: what llama.cpp's `perplexity` does.
    case llamaCpp(context: Int)
    /// A window every `stride` tokens, its last `stride` tokens scored: Hugging Face's recipe.
    case sliding(context: Int, stride: Int)

    /// The convention in a few words.
    public var name: String {
        switch self {
        case .rolling(let context?): "rolling, context \(context)"
        case .rolling(nil): "rolling, unlimited context"
        case .llamaCpp(let context): "llama.cpp, context \(context)"
        case .sliding(let context, let stride): "sliding, context \(context), stride \(stride)"
        }
    }

    /// A piece of text that is read from an empty state, and the tokens of it that are scored.
    struct Window: Equatable {
        let tokens: Range<Int>
        let scored: Range<Int>
    }

    /// The windows over a text of `count` tokens. The first token of a window is never scored in it.
    func windows(count: Int) -> [Window] {
        var windows: [Window] = []
        switch self {
        case .rolling(nil):
            if count > 1 { windows.append(Window(tokens: 0..<count, scored: 1..<count)) }
        case .rolling(let context?):
            let kept = max(1, context / 2)
            var next = 1
            while next < count {
                let start = next == 1 ? 0 : next - kept
                let end = min(count, start + context + 1)
                windows.append(Window(tokens: start..<end, scored: next..<end))
                next = end
            }
        case .llamaCpp(let context):
            for start in stride(from: 0, through: count - context, by: context) {
                let first = start + context / 2 + 1
                if first < start + context {
                    windows.append(
                        Window(tokens: start..<start + context, scored: first..<start + context))
                }
            }
        case .sliding(let context, let step):
            var scored = 0
            for start in stride(from: 0, to: count, by: step) {
                let end = min(start + context, count)
                let first = max(scored, start + 1)
                if first < end { windows.append(Window(tokens: start..<end, scored: first..<end)) }
                scored = end
                if end == count { break }
            }
        }
        return windows
    }
}
