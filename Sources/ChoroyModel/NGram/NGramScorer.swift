import ChoroyText

/// Reads tokens one after the other with the n-grams that the tokens before are.
///
///     p(w | h) = p of the n-gram hw when the model has it, else backoff(h)·p(w | h without its first token)
///
/// The n-grams of all lengths that the text ends with are looked up at once, so no n-gram needs a link to the
/// one without its first token. Sums are of `Float`, from the shortest context to the longest, as KenLM's are.
@unsafe struct NGramScorer<Levels: NGramLevels> {
    /// Where the model has no n-gram.
    static var none: UInt32 { .max }

    private let levels: Levels
    /// Tokens of the longest context.
    private let longest: Int
    private let endToken: UInt32?
    private let vocabularySize: Int
    private let contexts: UnsafeMutablePointer<UInt32>
    private let backoffs: UnsafeMutablePointer<Float>
    private var length = 0

    /// - Parameter room: for `2 · order` numbers, with the scorer's lifetime.
    init(
        _ levels: Levels, vocabularySize: Int, endToken: TokenID?,
        room: UnsafeMutablePointer<UInt32>
    ) {
        unsafe self.levels = levels
        unsafe longest = levels.order - 1
        unsafe self.vocabularySize = vocabularySize
        unsafe self.endToken = endToken.map { UInt32($0) }
        unsafe contexts = room
        unsafe backoffs = UnsafeMutableRawPointer(room + levels.order).bindMemory(
            to: Float.self, capacity: levels.order)
    }

    /// The contexts after what was read, from one token on.
    var current: [UInt32] {
        get { unsafe Array(UnsafeBufferPointer(start: contexts, count: length)) }
        set {
            unsafe length = newValue.count
            for (place, context) in newValue.enumerated() { unsafe contexts[place] = context }
        }
    }

    /// Begins a sequence: after `<s>` when the model knows texts with marks.
    mutating func start() {
        unsafe length = 0
        if unsafe endToken != nil && longest > 0 {
            unsafe contexts[0] = UInt32(vocabularySize)
            unsafe length = 1
        }
    }

    /// Reads a token; the base-10 logarithm of its probability after those before.
    mutating func read(_ token: UInt32) -> Float {
        var result: Float = 0
        var found = 0
        var context = unsafe length
        while context > 0 {
            let place = unsafe contexts[context - 1]
            var child = -1
            unsafe backoffs[context] = 0
            if unsafe place != Self.none {
                unsafe backoffs[context] = unsafe levels.backoff(context - 1, Int(place))
                child = unsafe levels.find(token, context - 1, Int(place))
                if child >= 0 && found == 0 {
                    found = context
                    result = unsafe levels.logProbability(context, child)
                }
            }
            if unsafe context < longest {
                unsafe contexts[context] =
                    unsafe child < 0 ? Self.none : UInt32(truncatingIfNeeded: child)
            }
            context -= 1
        }
        if found == 0 { result = unsafe levels.logProbability(0, Int(token)) }
        while unsafe found < length {
            found += 1
            unsafe result += backoffs[found]
        }
        if unsafe token == endToken {
            unsafe start()
            return result
        }
        if unsafe longest > 0 {
            unsafe contexts[0] = token
            unsafe length = unsafe min(length + 1, longest)
            while unsafe length > 1 && contexts[length - 1] == Self.none { unsafe length -= 1 }
        }
        return result
    }
}
