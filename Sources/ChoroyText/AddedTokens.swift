/// Tokens that stand outside the merges, and where they occur in text.
struct AddedTokens: Sendable {
    struct Token: Sendable {
        var content: String
        var id: TokenID
        /// A control token: only found where the caller asks for special tokens.
        var isSpecial: Bool
        /// Looked for after normalization of the text, not before.
        var isNormalized: Bool
        /// Only found where no letter, mark, digit or underscore stands before or behind it.
        var isSingleWord = false
        /// Takes the white space before it, or behind it, with it.
        var stripsLeft = false
        var stripsRight = false
    }

    /// A stretch of text, or an added token and where it is, with the white space that it takes.
    enum Part: Equatable {
        case text(Range<Int>)
        case token(TokenID, Range<Int>)
    }

    /// Ascending by id.
    let tokens: [Token]
    /// Their contents as text spells them, with indices in `tokens`.
    private let contents: PrefixIndex

    /// Bytes that a token may have.
    static let longestContent = 1 << 16

    /// - Parameter normalization: What text has gone through where normalized tokens are looked for, and they
    ///   with it.
    init(_ tokens: [Token], _ normalization: Normalization? = nil) {
        self.tokens = tokens.sorted { $0.id < $1.id }
        contents = PrefixIndex(
            self.tokens.enumerated().map { index, token in
                let content = Array(token.content.utf8)
                guard token.isNormalized, let normalization else { return (content, index) }
                return (normalization.apply(content[...]), index)
            })
    }

    /// The token with this id.
    func token(_ id: TokenID) -> Token? {
        var range = tokens.startIndex..<tokens.endIndex
        while let first = range.first, range.count > 1 {
            let middle = first + range.count / 2
            range = tokens[middle].id <= id ? middle..<range.upperBound : first..<middle
        }
        return range.first.flatMap { tokens[$0].id == id ? tokens[$0] : nil }
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
        [false, true].flatMap { isNormalized in
            split(bytes[...], normalized: isNormalized, special: special).compactMap { part in
                if case .token(_, let range) = part { range } else { nil }
            }
        }.sorted { $0.lowerBound < $1.lowerBound }
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
            let found = contents.longest(in: bytes[position...]) { index in
                tokens[index].isNormalized == normalized && (special || !tokens[index].isSpecial)
            }
            guard let found else {
                position += 1
                continue
            }
            let token = tokens[found.value]
            let end = position + found.length
            if token.isSingleWord,
                Self.endsInWord(bytes[..<position]) || Self.beginsWithWord(bytes[end...])
            {
                position = end
                continue
            }
            let left = token.stripsLeft ? Self.spaceBefore(position, in: bytes[start...]) : position
            let right = token.stripsRight ? Self.spaceBehind(end, in: bytes) : end
            if left > start { parts.append(.text(start..<left)) }
            parts.append(.token(token.id, left..<right))
            position = right
            start = right
        }
        if position > start { parts.append(.text(start..<position)) }
        return parts
    }

    // MARK: What stands beside a token

    /// Where the white space that ends at `end` begins.
    static func spaceBefore(_ end: Int, in bytes: ArraySlice<UInt8>) -> Int {
        var end = end
        while let scalar = lastScalar(bytes[bytes.startIndex..<end]),
            scalar.properties.isWhitespace
        {
            end -= UTF8.width(scalar)
        }
        return end
    }

    /// Where the white space that begins at `start` ends.
    static func spaceBehind(_ start: Int, in bytes: ArraySlice<UInt8>) -> Int {
        var start = start
        while let scalar = firstScalar(bytes[start...]), scalar.properties.isWhitespace {
            start += UTF8.width(scalar)
        }
        return start
    }

    private static func endsInWord(_ bytes: ArraySlice<UInt8>) -> Bool {
        lastScalar(bytes).map(isOfWord) ?? false
    }

    private static func beginsWithWord(_ bytes: ArraySlice<UInt8>) -> Bool {
        firstScalar(bytes).map(isOfWord) ?? false
    }

    /// `\w` of Unicode's regular expressions (UTS #18, annex C).
    private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
        return switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
            true
        default: false
        }
    }

    private static func firstScalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.prefix(4).makeIterator()
        guard case .valid(let encoded) = parser.parseScalar(from: &iterator) else { return nil }
        return Unicode.UTF8.decode(encoded)
    }

    private static func lastScalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
        let tail = bytes.suffix(4)
        guard let start = tail.lastIndex(where: { $0 & 0xC0 != 0x80 }),
            let scalar = firstScalar(tail[start...]), start + UTF8.width(scalar) == tail.endIndex
        else { return nil }
        return scalar
    }
}
