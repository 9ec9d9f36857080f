import ChoroySystem

/// The lines of an ARPA file and the fields in them.
struct ARPALines {
    let path: String
    let bytes: [UInt8]
    private var place = 0
    /// The current line without its end, and its number from 1.
    private(set) var line = 0..<0
    private(set) var number = 0
    /// The fields of the current line between white space, after `split()`.
    private(set) var fields: [Range<Int>] = []

    init(_ bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    /// Goes to the next line; false at the end of the file.
    mutating func next() -> Bool {
        guard place < bytes.count else {
            line = bytes.count..<bytes.count
            number += 1
            return false
        }
        let start = place
        while place < bytes.count && bytes[place] != 10 { place += 1 }
        var end = place
        while end > start && Self.isSpace(bytes[end - 1]) { end -= 1 }
        place += 1
        line = start..<end
        number += 1
        return true
    }

    /// Goes to the next line that is not blank; false at the end of the file.
    mutating func nextFilled() -> Bool {
        while next() { if !line.isEmpty { return true } }
        return false
    }

    mutating func split() {
        fields.removeAll(keepingCapacity: true)
        var start = line.lowerBound
        for index in line {
            if Self.isSpace(bytes[index]) {
                if index > start { fields.append(start..<index) }
                start = index + 1
            }
        }
        if line.upperBound > start { fields.append(start..<line.upperBound) }
    }

    func isLine(_ content: String) -> Bool { bytes[line].elementsEqual(content.utf8) }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// An error at the current line, which is what was found.
    func error(expected: String, found: String? = nil) -> FileError {
        let isEnd = line.isEmpty && place >= bytes.count
        let content = line.isEmpty ? "a blank line" : "\"\(text(line).prefix(80))\""
        return FileError(
            path, at: "line \(number)", expected: expected,
            found: found ?? (isEnd ? "the end of the file" : content))
    }

    /// The base-10 logarithm in a field; `-inf` is SRILM's -99.
    func logarithm(_ field: Int, _ what: String) throws -> Double {
        let range = fields[field]
        if bytes[range].elementsEqual("-inf".utf8) { return -99 }
        guard let value = Self.decimal(bytes, range), value.magnitude <= 10_000 else {
            throw error(expected: what, found: "\"\(text(range).prefix(40))\"")
        }
        return value
    }

    /// A decimal number: sign, digits with a point, exponent; nothing else.
    private static func decimal(_ bytes: [UInt8], _ range: Range<Int>) -> Double? {
        var mantissa = 0
        var digits = 0
        var scale = 0
        var hasPoint = false
        for (offset, byte) in bytes[range].enumerated() {
            switch byte {
            case 48...57:
                guard digits < 17 else { return slowDecimal(bytes, range) }
                mantissa = mantissa * 10 + Int(byte - 48)
                digits += mantissa == 0 ? 0 : 1
                scale += hasPoint ? 1 : 0
            case UInt8(ascii: "."):
                if hasPoint { return nil }
                hasPoint = true
            case UInt8(ascii: "-"), UInt8(ascii: "+"):
                guard offset == 0 && range.count > 1 else { return slowDecimal(bytes, range) }
            default: return slowDecimal(bytes, range)
            }
        }
        guard scale <= 22, mantissa < 1 << 53 else { return slowDecimal(bytes, range) }
        // Both numbers are exact, so the quotient is the nearest Double.
        var power = 1.0
        for _ in 0..<scale { power *= 10 }
        let value = Double(mantissa) / power
        return bytes[range.lowerBound] == UInt8(ascii: "-") ? -value : value
    }

    private static func slowDecimal(_ bytes: [UInt8], _ range: Range<Int>) -> Double? {
        let allowed = bytes[range].allSatisfy { byte in
            (byte >= 48 && byte <= 57) || "+-.eE".utf8.contains(byte)
        }
        return allowed ? Double(String(decoding: bytes[range], as: UTF8.self)) : nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 32 || (byte >= 9 && byte <= 13) || byte == 0
    }
}
