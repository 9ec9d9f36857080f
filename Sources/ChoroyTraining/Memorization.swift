public import ChoroyText

/// How much of what a model says is in its training text word for word.
///
/// All of it looks at the first million tokens or so of the text, so that a large text does not take
/// longer to be searched than to be learned.
public struct Memorization {
    private let training: ArraySlice<TokenID>
    /// Tokens of a span that counts as copied.
    public let spanLength: Int

    /// - Precondition: `spanLength` is at least 1.
    public init(training: [TokenID], spanLength: Int = 16, limit: Int = 1 << 20) {
        precondition(spanLength >= 1, "Memorization: spans of \(spanLength) tokens")
        self.training = training.prefix(limit)
        self.spanLength = spanLength
    }

    /// The share of tokens that lie in spans of at least `spanLength` tokens which the text has word for
    /// word, and the longest such span.
    public func verbatim(_ sequences: [[TokenID]]) -> (share: Double, longest: [TokenID]) {
        let wanted = Set(
            sequences.flatMap { sequence in
                sequence.indices.dropLast(spanLength - 1).map {
                    Self.hash(sequence, $0, spanLength)
                }
            })
        // Where the text has a span, by the span's hash: its first place.
        var places: [UInt64: Int] = [:]
        let text = Array(training)
        if text.count >= spanLength, !wanted.isEmpty {
            for start in 0...text.count - spanLength {
                let hash = Self.hash(text, start, spanLength)
                if wanted.contains(hash), places[hash] == nil { places[hash] = start }
            }
        }
        var (covered, total) = (0, 0)
        var longest: ArraySlice<TokenID> = []
        for sequence in sequences {
            total += sequence.count
            var end = 0
            for start in sequence.indices.dropLast(spanLength - 1) {
                guard let place = places[Self.hash(sequence, start, spanLength)] else { continue }
                var length = 0
                while start + length < sequence.count, place + length < text.count,
                    sequence[start + length] == text[place + length]
                { length += 1 }
                guard length >= spanLength else { continue }
                if length > longest.count { longest = sequence[start..<start + length] }
                covered += max(0, start + length - max(start, end))
                end = max(end, start + length)
            }
        }
        return (total == 0 ? 0 : Double(covered) / Double(total), Array(longest))
    }

    /// The share of `predictions` that are what most often follows, in the text, the longest of the
    /// last `order` - 1 tokens that the text has at all.
    ///
    /// Prediction i is of the token after `tokens[...i]`.
    public func explained(_ predictions: [TokenID], after tokens: [TokenID], order: Int = 4)
        -> Double
    {
        precondition(
            predictions.count <= tokens.count && order >= 2,
            "Memorization: \(predictions.count) predictions after \(tokens.count) tokens")
        guard !predictions.isEmpty else { return 0 }
        let text = Array(training)
        var open = Array(predictions.indices)
        var explained = 0
        for length in stride(from: order - 1, through: 1, by: -1) {
            var counts: [UInt64: [TokenID: Int]] = [:]
            for index in open where index + 1 >= length {
                counts[Self.hash(tokens, index + 1 - length, length)] = [:]
            }
            if text.count > length {
                for start in 0..<text.count - length {
                    let hash = Self.hash(text, start, length)
                    if counts[hash] != nil { counts[hash]?[text[start + length], default: 0] += 1 }
                }
            }
            open = open.filter { index in
                guard index + 1 >= length,
                    let next = counts[Self.hash(tokens, index + 1 - length, length)],
                    let most = next.values.max()
                else { return true }
                if next[predictions[index]] == most { explained += 1 }
                return false
            }
        }
        return Double(explained) / Double(predictions.count)
    }

    private static func hash(_ tokens: [TokenID], _ start: Int, _ length: Int) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        for index in start..<start + length {
            hash =
                (hash ^ UInt64(UInt32(bitPattern: Int32(tokens[index])))) &* 0xD6E8_FEB8_6659_FD93
            hash ^= hash >> 32
        }
        return hash
    }
}
