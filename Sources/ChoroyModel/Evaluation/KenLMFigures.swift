#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The perplexities of words as KenLM's `query` prints them.
///
/// KenLM keeps logarithms of base 10 in 32 bits and adds them so, words to a sentence; over a long sentence that moves
/// the fifth digit. Here it is done the same way, so that figures can be compared to their last digit; `Evaluation`
/// has the more exact ones. They are KenLM's for an n-gram model that reads every sentence in one piece.
/// Source: KenLM 0.3.0, lm/ngram_query.hh.
public struct KenLMFigures: Sendable, Equatable {
    private var total = 0.0
    private var unknownTotal = 0.0
    private var sentence: Float = 0
    private var tokens = 0
    private var unknownTokens = 0

    mutating func add(_ token: ScoredToken) {
        // An n-gram model's nats are of 32 bits in base 10, which come back exactly.
        let score = Float(-token.nats / M_LN10)
        sentence += score
        tokens += 1
        if token.isUnknown {
            unknownTokens += 1
            unknownTotal += Double(score)
        }
        if token.isEnd {
            total += Double(sentence)
            sentence = 0
        }
    }

    public var perplexityIncludingUnknown: Double {
        pow(10, -((total + Double(sentence)) / Double(tokens)))
    }

    public var perplexityExcludingUnknown: Double {
        pow(10, -((total + Double(sentence) - unknownTotal) / Double(tokens - unknownTokens)))
    }
}
