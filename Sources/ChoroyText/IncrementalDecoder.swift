/// Tokens that arrive one by one as text that never shows half a character.
///
/// The first bytes of a character (at most 3) are held back until the rest arrives. Invalid bytes
/// become one U+FFFD for each maximal subpart. All pieces joined, `finish()` last, are what
/// `String(decoding:as:)` gives for all the bytes.
///
/// Source: The Unicode Standard 15.0, section 3.9, table 3-8, "U+FFFD Substitution of Maximal
/// Subparts".
public struct IncrementalDecoder: Sendable {
    private let encoding: any TextEncoding
    private var pending: [UInt8] = []

    public init(_ encoding: any TextEncoding) { self.encoding = encoding }

    /// The text that is complete with this token; "" when a character is still unfinished.
    public mutating func append(_ token: TokenID) -> String {
        append(bytes: encoding.bytes(of: token))
    }

    /// The same for bytes.
    public mutating func append(bytes: some Sequence<UInt8>) -> String {
        pending += bytes
        let tail = Self.unfinishedCount(pending)
        let text = String(decoding: pending.dropLast(tail), as: UTF8.self)
        pending.removeFirst(pending.count - tail)
        return text
    }

    /// What was held back, as U+FFFD, or ""; the decoder can be used again then.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many of the last bytes begin a character that more bytes could complete.
    package static func unfinishedCount(_ bytes: [UInt8]) -> Int {
        for count in 1..<4 where count <= bytes.count {
            let byte = bytes[bytes.count - count]
            if byte & 0xC0 == 0x80 { continue }
            let second = count > 1 ? bytes[bytes.count - count + 1] : nil
            let length: Int
            let seconds: ClosedRange<UInt8>
            switch byte {
            case 0xC2...0xDF: (length, seconds) = (2, 0x80...0xBF)
            case 0xE0: (length, seconds) = (3, 0xA0...0xBF)
            case 0xED: (length, seconds) = (3, 0x80...0x9F)
            case 0xE1...0xEF: (length, seconds) = (3, 0x80...0xBF)
            case 0xF0: (length, seconds) = (4, 0x90...0xBF)
            case 0xF1...0xF3: (length, seconds) = (4, 0x80...0xBF)
            case 0xF4: (length, seconds) = (4, 0x80...0x8F)
            default: return 0
            }
            return count < length && second.map(seconds.contains) != false ? count : 0
        }
        return 0
    }
}
