public import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How probable the model thought a token, before anything about sampling was applied.
public struct TokenScore: Sendable, Equatable {
    /// The token's share of the softmax of the logits (temperature 1, no penalty, no filter).
    public var probability: Double
    /// The likeliest tokens, the likeliest first; of equals the one with the smallest id first.
    public var alternatives: [Sampler.Candidate]

    public init(probability: Double, alternatives: [Sampler.Candidate] = []) {
        self.probability = probability
        self.alternatives = alternatives
    }

    /// The score of `token` after `logits` [V], which must be finite or −∞, with the `count` likeliest
    /// tokens.
    init(of token: TokenID, in logits: [Float], alternatives count: Int) {
        let peak = Double(logits.max() ?? 0)
        var sum = 0.0
        for logit in logits { sum += exp(Double(logit) - peak) }
        func probability(_ id: Int) -> Double { exp(Double(logits[id]) - peak) / sum }

        var best: [Int] = []
        for (id, logit) in logits.enumerated() where count > 0 && logit > -Float.infinity {
            if best.count == count {
                guard let last = best.last, logit > logits[last] else { continue }
                best.removeLast()
            }
            best.insert(id, at: best.firstIndex { logits[$0] < logit } ?? best.count)
        }
        self.init(
            probability: probability(Int(token)),
            alternatives: best.map {
                Sampler.Candidate(token: TokenID($0), probability: probability($0))
            })
    }
}

/// A token of a reply, with what the model thought of it when that was asked for.
public struct GeneratedToken: Sendable, Equatable {
    public var id: TokenID
    /// What it wrote; fewer bytes than the token has when a stop string cut it.
    public var bytes: [UInt8]
    public var score: TokenScore?

    public init(id: TokenID, bytes: [UInt8], score: TokenScore? = nil) {
        self.id = id
        self.bytes = bytes
        self.score = score
    }
}
