public import ChoroySystem
public import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Draws tokens from logits.
public struct Sampler: Sendable {
    public let parameters: SamplingParameters
    /// The generator each draw takes one number from; its state can be saved.
    public var random: SeededRandom

    /// A token that may be drawn, with its probability among those that may.
    public struct Candidate: Sendable, Equatable {
        public var token: TokenID
        public var probability: Double

        public init(token: TokenID, probability: Double) {
            self.token = token
            self.probability = probability
        }
    }

    /// - Throws: `SamplingError` when a parameter is out of its range.
    public init(_ parameters: SamplingParameters = SamplingParameters()) throws(SamplingError) {
        try parameters.validate()
        self.parameters = parameters
        random = SeededRandom(seed: parameters.seed)
    }

    /// The next token, given one row of logits [V] and the tokens before it.
    ///
    /// - Throws: `SamplingError` for a logit that is NaN or +∞, or when no token is possible; a logit
    ///   of −∞ is a token that is never drawn.
    public mutating func sample(_ logits: [Float], history: [TokenID]) throws(SamplingError)
        -> TokenID
    {
        let candidates = try candidates(logits, history: history)
        if candidates.count == 1 { return candidates[0].token }
        var left = random.uniform()
        for candidate in candidates {
            left -= candidate.probability
            if left < 0 { return candidate.token }
        }
        // The probabilities sum to a little less than 1 by rounding.
        return candidates[candidates.count - 1].token
    }

    /// The tokens that may be drawn and their probabilities, which sum to 1; likeliest first when
    /// top-k, top-p or min-p choose among them, else ascending by id.
    public func candidates(_ logits: [Float], history: [TokenID]) throws(SamplingError)
        -> [Candidate]
    {
        try check(logits)
        let scores = penalized(logits, history: history)
        if parameters.temperature == 0 {
            return [Candidate(token: likeliest(scores), probability: 1)]
        }
        let kept = kept(scores)
        let peak = kept.reduce(-Double.infinity) { max($0, $1.score) }
        let weights = kept.map { exp(($0.score - peak) / parameters.temperature) }
        let sum = weights.reduce(0, +)
        return zip(kept, weights).map {
            Candidate(token: TokenID($0.id), probability: $1 / sum)
        }
    }

    private func check(_ logits: [Float]) throws(SamplingError) {
        // The comparison is false for NaN and +∞. Two sums without a branch run many logits at a time.
        var (numbers, possible) = (0, 0)
        for logit in logits {
            numbers &+= logit < Float.infinity ? 1 : 0
            possible &+= logit > -Float.infinity ? 1 : 0
        }
        if numbers < logits.count, let token = logits.firstIndex(where: { !($0 < Float.infinity) })
        {
            throw SamplingError.logit(logits[token], token: token, vocabularySize: logits.count)
        }
        guard possible > 0 else {
            throw SamplingError.noTokenPossible(vocabularySize: logits.count)
        }
    }

    private func penalized(_ logits: [Float], history: [TokenID]) -> [Float] {
        guard parameters.repeatPenalty != 1 else { return logits }
        let penalty = Float(parameters.repeatPenalty)
        let largest = Float.greatestFiniteMagnitude
        var scores = logits
        for token in Set(history.suffix(parameters.repeatWindow))
        where scores.indices.contains(Int(token)) {
            let score = scores[Int(token)]
            guard score > -Float.infinity else { continue }
            let changed = score > 0 ? score / penalty : score * penalty
            scores[Int(token)] = min(max(changed, -largest), largest)
        }
        return scores
    }

    private func likeliest(_ scores: [Float]) -> TokenID {
        // The largest of 16 columns first: that needs no branch.
        var columns = SIMD16<Float>(repeating: -Float.infinity)
        unsafe scores.withUnsafeBytes { bytes in
            for first in stride(from: 0, to: scores.count - 15, by: 16) {
                let some = unsafe bytes.loadUnaligned(
                    fromByteOffset: 4 * first, as: SIMD16<Float>.self)
                columns.replace(with: some, where: some .> columns)
            }
        }
        var largest = columns.max()
        for score in scores.suffix(scores.count % 16) where score > largest { largest = score }
        return TokenID(scores.firstIndex(of: largest) ?? 0)
    }

    // MARK: Top-k, top-p, min-p

    /// A token and its score in one number: the likeliest is the largest, of equals the smallest id.
    private struct Ranked {
        let key: UInt64

        init(_ id: Int, _ score: Float) {
            // −0 becomes 0. The bits of positive floats order as the floats do, those of negative ones
            // the other way.
            let bits = (score + 0).bitPattern
            let ordered = bits >> 31 == 1 ? ~bits : bits | 0x8000_0000
            key = UInt64(ordered) << 32 | UInt64(~UInt32(truncatingIfNeeded: id))
        }

        var id: Int { Int(~UInt32(truncatingIfNeeded: key)) }
        var score: Double {
            let ordered = UInt32(key >> 32)
            return Double(
                Float(bitPattern: ordered >> 31 == 1 ? ordered & 0x7fff_ffff : ~ordered))
        }

        static func precedes(_ a: Ranked, _ b: Ranked) -> Bool { a.key > b.key }
    }

    /// What top-k, top-p and min-p leave.
    ///
    /// Each leaves the head of the same descending order, so the shortest head decides, and only
    /// that much of the vocabulary is ever sorted.
    private func kept(_ scores: [Float]) -> [Ranked] {
        let limit = parameters.topK == 0 ? scores.count : min(parameters.topK, scores.count)
        let all = scores.enumerated().lazy.filter { $0.element > -Float.infinity }
            .map { Ranked($0.offset, $0.element) }
        if limit == scores.count && parameters.topP == 1 && parameters.minP == 0 {
            return Array(all)
        }
        let peak = Double(scores[Int(likeliest(scores))])
        if limit < scores.count {
            let largest = Self.largest(limit, of: scores, from: -Double.infinity)
            let mass = largest.reduce(0) { $0 + exp($1.score - peak) }
            return head(of: largest, peak: peak, mass: mass)
        }
        let mass = all.reduce(0) { $0 + exp($1.score - peak) }
        let floor = peak + log(parameters.minP)
        var count = 256
        while true {
            let largest = Self.largest(count, of: scores, from: floor)
            let head = head(of: largest, peak: peak, mass: mass)
            if head.count < largest.count || largest.count < count { return head }
            count *= 8
        }
    }

    /// The head that top-p and min-p leave of tokens in descending order; at least one.
    private func head(of sorted: [Ranked], peak: Double, mass: Double) -> [Ranked] {
        let floor = peak + log(parameters.minP)
        var sum = 0.0
        for (index, scored) in sorted.enumerated() {
            let isFull = parameters.topP < 1 && sum >= parameters.topP * mass
            if index > 0 && (isFull || scored.score < floor) { return Array(sorted[..<index]) }
            sum += exp(scored.score - peak)
        }
        return sorted
    }

    /// A score that at least `count` tokens reach and few others: the largest ones of 64 columns tell it,
    /// while `count` is well below 64. −∞ reaches nothing.
    private static func reached(by count: Int, of scores: [Float]) -> Float? {
        let width = 64
        guard count > 0, count <= 48, scores.count >= 4 * width else { return nil }
        var columns = Array(scores[..<width])
        unsafe scores.withUnsafeBytes { bytes in
            unsafe columns.withUnsafeMutableBytes { columns in
                for column in stride(from: 0, to: width, by: 16) {
                    var largest = SIMD16<Float>(repeating: -Float.infinity)
                    for first in stride(from: column, through: scores.count - width, by: width) {
                        let some = unsafe bytes.loadUnaligned(
                            fromByteOffset: 4 * first, as: SIMD16<Float>.self)
                        largest.replace(with: some, where: some .> largest)
                    }
                    unsafe columns.storeBytes(
                        of: largest, toByteOffset: 4 * column, as: SIMD16<Float>.self)
                }
            }
        }
        // The least of those that fewer than `count` others exceed.
        var reached = Float.infinity
        unsafe columns.withUnsafeBytes { bytes in
            for value in columns {
                var larger = SIMD16<Int32>()
                for column in stride(from: 0, to: width, by: 16) {
                    let some = unsafe bytes.loadUnaligned(
                        fromByteOffset: 4 * column, as: SIMD16<Float>.self)
                    larger.replace(with: larger &+ 1, where: some .> value)
                }
                reached = larger.wrappedSum() < count ? min(reached, value) : reached
            }
        }
        return reached > -Float.infinity ? reached : nil
    }

    /// The `count` largest scores in descending order, without those below `floor` and without −∞.
    private static func largest(_ count: Int, of scores: [Float], from floor: Double) -> [Ranked] {
        var kept: [Ranked] = []
        if let reached = reached(by: count, of: scores) {
            kept.reserveCapacity(2 * count)
            for (id, value) in scores.enumerated() where value >= reached {
                if Double(value) >= floor { kept.append(Ranked(id, value)) }
            }
            kept.sort(by: Ranked.precedes)
            return kept.count > count ? Array(kept[..<count]) : kept
        }
        // Sorting the buffer each time it is full costs V + (entries · log count) in all.
        let capacity = max(2 * min(count, scores.count), 64)
        kept.reserveCapacity(capacity)
        var least = floor
        var isFull = false
        for (id, value) in scores.enumerated() {
            let score = Double(value)
            // Of equals the smaller id stays, so a full buffer takes only what is larger.
            guard isFull ? score > least : score >= least && value > -Float.infinity else {
                continue
            }
            kept.append(Ranked(id, value))
            if kept.count == capacity {
                kept.sort(by: Ranked.precedes)
                kept.removeSubrange(count...)
                least = kept[count - 1].score
                isFull = true
            }
        }
        kept.sort(by: Ranked.precedes)
        return kept.count > count ? Array(kept[..<count]) : kept
    }
}
