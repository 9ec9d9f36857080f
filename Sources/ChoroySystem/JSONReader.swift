#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A strict JSON reader (RFC 8259): duplicate keys, trailing bytes, lone surrogates, invalid UTF-8
/// and nesting deeper than 64 are errors with the byte where they stand.
public struct JSONReader {
    private let bytes: ArraySlice<UInt8>
    private let path: String
    private var position: Int
    private static let deepest = 64

    /// The value that `bytes` spell.
    public static func parse(_ bytes: [UInt8], path: String) throws -> JSONValue {
        try parse(bytes[...], path: path)
    }

    public static func parse(_ bytes: ArraySlice<UInt8>, path: String) throws -> JSONValue {
        var reader = JSONReader(bytes, path: path)
        reader.skipSpace()
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.endIndex else {
            throw reader.error("the end", reader.here)
        }
        return value
    }

    private init(_ bytes: ArraySlice<UInt8>, path: String) {
        self.bytes = bytes
        self.path = path
        position = bytes.startIndex
    }

    private var byte: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private var here: String {
        guard let byte else { return "the end of the file" }
        return byte > 32 && byte < 127
            ? "\"\(Character(Unicode.Scalar(byte)))\"" : "byte \(byte)"
    }

    private func error(_ expected: String, _ found: String) -> FileError {
        FileError(
            path, at: "byte \(position - bytes.startIndex)", expected: expected, found: found)
    }

    private mutating func skipSpace() {
        while let byte, byte == 32 || byte == 10 || byte == 13 || byte == 9 { position += 1 }
    }

    private mutating func expect(_ wanted: UInt8) throws {
        guard byte == wanted else {
            throw error("\"\(Character(Unicode.Scalar(wanted)))\"", here)
        }
        position += 1
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard depth < Self.deepest else {
            throw error("at most \(Self.deepest) levels", "a deeper one")
        }
        switch byte {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw error("a JSON value", here) }
        position += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws -> JSONValue {
        try expect(UInt8(ascii: "{"))
        var object = JSONObject()
        skipSpace()
        if byte == UInt8(ascii: "}") {
            position += 1
            return .object(object)
        }
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw error("a key", here) }
            let key = try string()
            skipSpace()
            try expect(UInt8(ascii: ":"))
            skipSpace()
            let member = try value(depth: depth + 1)
            guard object.append(key, member) else {
                throw error("each key once", "\"\(key)\" again")
            }
            skipSpace()
            if byte == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect(UInt8(ascii: "}"))
            return .object(object)
        }
    }

    private mutating func array(depth: Int) throws -> JSONValue {
        try expect(UInt8(ascii: "["))
        var values: [JSONValue] = []
        skipSpace()
        if byte == UInt8(ascii: "]") {
            position += 1
            return .array(values)
        }
        while true {
            skipSpace()
            values.append(try value(depth: depth + 1))
            skipSpace()
            if byte == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect(UInt8(ascii: "]"))
            return .array(values)
        }
    }

    private mutating func number() throws -> JSONValue {
        let start = position
        if byte == UInt8(ascii: "-") { position += 1 }
        let first = byte
        let digits = skipDigits()
        guard digits > 0, digits == 1 || first != UInt8(ascii: "0") else {
            position = start
            throw error("a JSON value", here)
        }
        var isInteger = true
        if byte == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard skipDigits() > 0 else { throw error("a digit", here) }
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() > 0 else { throw error("a digit", here) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw error("a number that fits 64 bits", text)
        }
        return .number(value)
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte, byte >= 48 && byte <= 57 { position += 1 }
        return position - start
    }

    private mutating func string() throws -> String {
        try expect(UInt8(ascii: "\""))
        var text: [UInt8] = []
        var clean = position
        while true {
            guard let byte else { throw error("the end of a string", here) }
            if byte == UInt8(ascii: "\"") && text.isEmpty {
                position += 1
                return try self.text(bytes[clean..<position - 1])
            }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                text += bytes[clean..<position]
                position += 1
                if byte == UInt8(ascii: "\"") { break }
                text += try escape()
                clean = position
            } else {
                guard byte >= 32 else { throw error("an escaped control character", here) }
                position += 1
            }
        }
        return try self.text(text[...])
    }

    /// Decoding mends what is invalid, so that it differs.
    private func text(_ bytes: ArraySlice<UInt8>) throws -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard bytes.allSatisfy({ $0 < 0x80 }) || text.utf8.elementsEqual(bytes) else {
            throw error("a string in UTF-8", "invalid bytes")
        }
        return text
    }

    private mutating func escape() throws -> [UInt8] {
        guard let byte else { throw error("an escape", here) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"): break
        default:
            position -= 1
            throw error("an escape that JSON knows", here)
        }
        var code = try hexadecimal()
        if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: "\\u".utf8) {
            position += 2
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else {
                throw error("a low surrogate", "\\u" + String(low, radix: 16))
            }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw error("a whole character", "half a surrogate pair")
        }
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func hexadecimal() throws -> UInt32 {
        guard bytes.endIndex - position >= 4,
            let text = String(validating: bytes[position..<position + 4], as: UTF8.self),
            text.utf8.allSatisfy({ $0 != 43 && $0 != 45 }), let code = UInt32(text, radix: 16)
        else { throw error("four hexadecimal digits", here) }
        position += 4
        return code
    }
}
