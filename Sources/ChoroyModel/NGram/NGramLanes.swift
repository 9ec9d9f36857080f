import CChoroyKernels
import ChoroySystem
import ChoroyText

/// Scores one text at several places at once: `choroy_ngram_score` asks for memory before it is used.
///
/// No context is longer than the order less one, so a place in the text can be gone to by reading as many tokens
/// before it: the numbers are those of reading from the start.
@safe struct NGramLanes<Levels: NGramLevels> {
    private let scorers: LargeArray<NGramScorer<Levels>>
    private let room: LargeArray<UInt32>
    /// Tokens of the longest context.
    private let longest: Int
    private let levels: Levels
    private let vocabularySize: Int
    private let endToken: UInt32?

    /// As many as there is use for with so many tokens.
    static func count(tokens: Int, order: Int) -> Int {
        tokens >= 16 * (order + 8) ? Int(CHOROY_NGRAM_LANES) : 1
    }

    init(_ levels: Levels, count: Int, vocabularySize: Int, endToken: TokenID?) {
        let order = levels.order
        longest = order - 1
        self.levels = levels
        self.vocabularySize = vocabularySize
        self.endToken = endToken.map { UInt32($0) }
        room = LargeArray(count: count * 2 * order)
        unsafe scorers = unsafe LargeArray(count: count)
        for lane in 0..<count {
            unsafe scorers.pointer[lane] = NGramScorer(
                levels, vocabularySize: vocabularySize, endToken: endToken,
                room: room.pointer + lane * 2 * order)
        }
    }

    /// Puts the first lane where `state` is.
    func begin(after state: NGramState) {
        if let contexts = state.contexts {
            unsafe scorers.pointer[0].current = contexts
            return
        }
        let last = state.tokens.suffix(longest)
        if last.count == state.tokens.count { unsafe scorers.pointer[0].start() }
        read(last)
    }

    /// Reads tokens in the first lane.
    func read(_ tokens: some Collection<TokenID>) {
        for token in tokens { _ = unsafe scorers.pointer[0].read(UInt32(token)) }
    }

    /// The contexts where the last lane is.
    var contexts: [UInt32] { unsafe scorers.pointer[scorers.count - 1].current }

    /// Base-10 logarithms for all tokens but the first, which is read after where the first lane is; at the end
    /// the last lane has read all but the last token.
    func score(_ tokens: [TokenID]) -> [Float] {
        let count = unsafe scorers.count
        let last = tokens.count - 1
        // Each lane reads `length` tokens but the last, which reads what is left before the last token.
        let length = last / count
        let scores = LargeArray<Float>(count: tokens.count)
        unsafe tokens.withUnsafeBufferPointer { tokens in
            let lanes = unsafe scorers.pointer
            for lane in 1..<max(1, count) {
                let start = lane * length
                unsafe lanes[lane].current = []
                for place in start - longest..<start {
                    _ = unsafe lanes[lane].read(UInt32(tokens[place]))
                }
            }
            if count == 1 {
                for step in 0..<length {
                    unsafe scores.pointer[step] = lanes[0].read(UInt32(tokens[step]))
                }
            } else if let tokens = tokens.baseAddress {
                unsafe scoreAtOnce(tokens, length, scores)
            }
            for place in count * length..<last {
                unsafe scores.pointer[place] = lanes[count - 1].read(UInt32(tokens[place]))
            }
            let contexts = unsafe lanes[count - 1].current
            unsafe scores.pointer[last] = lanes[count - 1].read(UInt32(tokens[last]))
            unsafe lanes[count - 1].current = contexts
        }
        return unsafe Array(UnsafeBufferPointer(start: scores.pointer + 1, count: last))
    }

    /// Reads `length` tokens in each lane.
    private func scoreAtOnce(
        _ tokens: UnsafePointer<TokenID>, _ length: Int, _ scores: LargeArray<Float>
    ) {
        let count = unsafe scorers.count
        let contexts = LargeArray<UInt32>(count: max(1, longest) * count)
        for lane in 0..<count {
            let current = unsafe scorers.pointer[lane].current
            for level in 0..<longest {
                unsafe contexts.pointer[level * count + lane] =
                    unsafe level < current.count ? current[level] : NGramScorer<Levels>.none
            }
        }
        unsafe levels.score(
            tokens, length: length, start: UInt32(vocabularySize), end: endToken,
            contexts: contexts.pointer, scores: scores.pointer)
        for lane in 0..<count {
            var current = (0..<longest).map { unsafe contexts.pointer[$0 * count + lane] }
            while let last = current.last, unsafe last == NGramScorer<Levels>.none {
                current.removeLast()
            }
            unsafe scorers.pointer[lane].current = current
        }
    }
}
