/// Tokens that stand outside the merges, and where they occur in text.
struct AddedTokens: Sendable {
    struct Token: Sendable {
        var content: String
        var id: TokenID
        /// A control token: only found where the caller asks for special tokens.
        var isSpecial: Bool
        /// Looked for after normalization of the text, not before.
        var isNormalized: Bool
    }

    /// A stretch of text, or an added token in its place.
    enum Part: Equatable {
        case text(Range<Int>)
        case token(TokenID)
    }

    /// Ascending by id.
    let tokens: [Token]
    /// Content in bytes and index in `tokens`, for each first byte, the longest first.
    private var starts: [[(content: [UInt8], index: Int)]]

    init(_ tokens: [Token]) {
        self.tokens = tokens.sorted { $0.id < $1.id }
        starts = [[(content: [UInt8], index: Int)]](repeating: [], count: 256)
        for (index, token) in self.tokens.enumerated() {
            let content = Array(token.content.utf8)
            if let first = content.first { starts[Int(first)].append((content, index)) }
        }
        for byte in starts.indices { starts[byte].sort { $0.content.count > $1.content.count } }
    }

    /// Whether text can hold tokens of this kind at all.
    func contains(normalized: Bool, special: Bool) -> Bool {
        tokens.contains { $0.isNormalized == normalized && (special || !$0.isSpecial) }
    }

    /// Whether text can hold tokens at all.
    func isSought(special: Bool) -> Bool { tokens.contains { special || !$0.isSpecial } }

    /// Bytes of the longest.
    var longest: Int { tokens.reduce(0) { max($0, $1.content.utf8.count) } }

    /// Where `bytes` hold tokens, normalized or not.
    func ranges(in bytes: [UInt8], special: Bool) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for isNormalized in [false, true] {
            var place = 0
            for part in split(bytes[...], normalized: isNormalized, special: special) {
                switch part {
                case .text(let range): place = range.upperBound
                case .token(let id):
                    let end = place + (tokens.first { $0.id == id }?.content.utf8.count ?? 0)
                    ranges.append(place..<end)
                    place = end
                }
            }
        }
        return ranges.sorted { $0.lowerBound < $1.lowerBound }
    }

    /// Cuts text at its added tokens, leftmost first, the longest of those that begin together.
    func split(_ bytes: ArraySlice<UInt8>, normalized: Bool, special: Bool) -> [Part] {
        guard contains(normalized: normalized, special: special) else {
            return bytes.isEmpty ? [] : [.text(bytes.indices)]
        }
        var parts: [Part] = []
        var start = bytes.startIndex
        var position = start
        while position < bytes.endIndex {
            let found = starts[Int(bytes[position])].first { candidate in
                let token = tokens[candidate.index]
                return token.isNormalized == normalized && (special || !token.isSpecial)
                    && bytes[position...].starts(with: candidate.content)
            }
            guard let found else {
                position += 1
                continue
            }
            if position > start { parts.append(.text(start..<position)) }
            parts.append(.token(tokens[found.index].id))
            position += found.content.count
            start = position
        }
        if position > start { parts.append(.text(start..<position)) }
        return parts
    }
}
