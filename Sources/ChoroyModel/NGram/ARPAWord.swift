/// Token bytes as words of an ARPA file: no white space, nothing invisible, and back again.
///
/// A space is `▁` (U+2581). Printable characters stand for themselves; every other byte, and each byte
/// of a `▁` of the text, is written `<0x41>`. The `<` of a text that would look like that, or like the
/// marks `<s>`, `</s>`, `<unk>` and `<id=17>`, is written `<0x3C>`.
enum ARPAWord {
    private static let mark: [UInt8] = [0xE2, 0x96, 0x81]

    /// The word for `bytes`.
    static func escape(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let bytes = Array(bytes)
        var word: [UInt8] = []
        var place = 0
        while place < bytes.count {
            let (scalar, length) = UTF8Scalar.decode(bytes, at: place)
            let piece = bytes[place..<place + length]
            if bytes[place] == 32 {
                word += mark
            } else if let scalar, isVisible(scalar), !isMark(bytes[place...]) {
                word += piece
            } else {
                for byte in piece {
                    let digits = String(byte, radix: 16, uppercase: true)
                    word += "<0x\(byte < 16 ? "0" : "")\(digits)>".utf8
                }
            }
            place += length
        }
        return word
    }

    /// The bytes that `word` stands for.
    static func unescape(_ word: some Collection<UInt8>) -> [UInt8] {
        let word = Array(word)
        var bytes: [UInt8] = []
        var place = 0
        while place < word.count {
            if word[place...].starts(with: mark) {
                bytes.append(32)
                place += mark.count
            } else if let byte = escapedByte(word[place...]) {
                bytes.append(byte)
                place += 6
            } else {
                bytes.append(word[place])
                place += 1
            }
        }
        return bytes
    }

    /// The byte that a beginning like `<0x41>` stands for.
    private static func escapedByte(_ word: ArraySlice<UInt8>) -> UInt8? {
        guard word.count >= 6, word.starts(with: "<0x".utf8), word[word.startIndex + 5] == 62 else {
            return nil
        }
        let digits = word[word.startIndex + 3..<word.startIndex + 5]
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private static func isMark(_ bytes: ArraySlice<UInt8>) -> Bool {
        ["<0x", "<s>", "</s>", "<unk>", "<id="].contains { bytes.starts(with: $0.utf8) }
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value == 0x2581 { return false }
        if scalar.isASCII { return scalar.value > 32 && scalar.value < 127 }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator,
            .lineSeparator, .paragraphSeparator:
            return false
        default: return true
        }
    }
}

/// UTF-8 one scalar at a time.
enum UTF8Scalar {
    /// The scalar that begins at `place` and its bytes; nil and 1 where no valid scalar begins.
    static func decode(_ bytes: [UInt8], at place: Int) -> (Unicode.Scalar?, Int) {
        let first = bytes[place]
        if first < 0x80 { return (Unicode.Scalar(first), 1) }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, first <= 0xF4, place + length <= bytes.count else { return (nil, 1) }
        var value = UInt32(first) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
        for byte in bytes[place + 1..<place + length] {
            guard byte & 0xC0 == 0x80 else { return (nil, 1) }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        let smallest: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000
        guard value >= smallest, let scalar = Unicode.Scalar(value) else { return (nil, 1) }
        return (scalar, length)
    }
}
