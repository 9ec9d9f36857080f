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
    private(set) var position: Int
    private var depth = 0
    private var sourceKeys: Set<String> = []
    private static let deepest = 64

    /// The value that `bytes` spell.
    public static func parse(_ bytes: [UInt8], path: String) throws -> JSONValue {
        try parse(bytes[...], path: path)
    }

    /// - Parameter sourceKeys: What objects in the root have under these keys is checked but not taken apart.
    public static func parse(
        _ bytes: ArraySlice<UInt8>, path: String, leaving sourceKeys: Set<String> = []
    ) throws -> JSONValue {
        var reader = JSONReader(bytes, path: path, at: bytes.startIndex)
        reader.sourceKeys = sourceKeys
        reader.skipSpace()
        let value = try reader.value()
        try reader.expectEnd()
        return value
    }

    /// The value that `bytes` spell, checked but not taken apart.
    public static func source(_ bytes: [UInt8], path: String) throws -> JSONSource {
        var reader = JSONReader(bytes[...], path: path, at: bytes.startIndex)
        reader.skipSpace()
        let source = try reader.source()
        try reader.expectEnd()
        return source
    }

    init(_ bytes: ArraySlice<UInt8>, path: String, at position: Int) {
        self.bytes = bytes
        self.path = path
        self.position = position
    }

    private mutating func expectEnd() throws {
        skipSpace()
        guard position == bytes.endIndex else { throw error("the end", here) }
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

    // MARK: Values

    /// Reads the value at this place.
    public mutating func value() throws -> JSONValue {
        switch byte {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            try elements { values.append(try $0.value()) }
            return .array(values)
        case UInt8(ascii: "\""): return .string(try text(string()))
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object() throws -> JSONValue {
        var object = JSONObject()
        let hasSources = depth == 1 && !sourceKeys.isEmpty
        try members { bytes, reader in
            let key = try reader.text(bytes)
            let value =
                hasSources && reader.sourceKeys.contains(key)
                ? JSONValue.source(try reader.source()) : try reader.value()
            guard object.append(key, value) else {
                throw reader.error("each key once", "\"\(key)\" again")
            }
        }
        return .object(object)
    }

    private mutating func source() throws -> JSONSource {
        let start = position
        let count = try skip()
        return JSONSource(file: bytes, range: start..<position, path: path, count: count)
    }

    /// Passes over the value at this place, which is checked but for UTF-8 in strings; gives how many members or
    /// elements it has.
    @discardableResult
    private mutating func skip() throws -> Int {
        var count = 0
        switch byte {
        case UInt8(ascii: "{"):
            try members { _, reader in
                try reader.skip()
                count += 1
            }
        case UInt8(ascii: "["):
            try elements { reader in
                try reader.skip()
                count += 1
            }
        case UInt8(ascii: "\""): try skipString()
        default: _ = try value()
        }
        return count
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw error("a JSON value", here) }
        position += word.utf8.count
        return value
    }

    /// Reads an object: calls `body` with the bytes of each key and the reader at its value, which it reads.
    mutating func members(
        _ body: (ArraySlice<UInt8>, inout JSONReader) throws -> Void
    ) throws {
        try list(UInt8(ascii: "{"), UInt8(ascii: "}")) { reader in
            guard reader.byte == UInt8(ascii: "\"") else {
                throw reader.error("a key", reader.here)
            }
            let key = try reader.string()
            reader.skipSpace()
            try reader.expect(UInt8(ascii: ":"))
            reader.skipSpace()
            try body(key, &reader)
        }
    }

    /// Reads an array: calls `body` with the reader at each element, which it reads.
    public mutating func elements(_ body: (inout JSONReader) throws -> Void) throws {
        try list(UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    private mutating func list(
        _ first: UInt8, _ last: UInt8, _ body: (inout JSONReader) throws -> Void
    ) throws {
        try expect(first)
        guard depth < Self.deepest else {
            throw error("at most \(Self.deepest) levels", "a deeper one")
        }
        depth += 1
        skipSpace()
        var hasMore = byte != last
        while hasMore {
            skipSpace()
            try body(&self)
            skipSpace()
            hasMore = byte == UInt8(ascii: ",")
            if hasMore { position += 1 }
        }
        try expect(last)
        depth -= 1
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
        if isInteger, digits <= 18 {
            var value = 0
            for place in position - digits..<position {
                value = 10 * value + Int(bytes[place] & 15)
            }
            return .integer(bytes[start] == UInt8(ascii: "-") ? -value : value)
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

    /// The bytes of the string at this place; nil, and nothing is read, when it is none.
    public mutating func stringBytes() throws -> ArraySlice<UInt8>? {
        byte == UInt8(ascii: "\"") ? try string() : nil
    }

    /// Whether the value at this place is an array.
    public var isArray: Bool { byte == UInt8(ascii: "[") }

    /// The bytes of a string without its escapes; whether they are UTF-8 is not looked at.
    private mutating func string() throws -> ArraySlice<UInt8> {
        try expect(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while true {
            let start = position
            let isEnd = try skipCharacters()
            let part = bytes[start..<position - 1]
            if isEnd && text.isEmpty { return part }
            text += part
            if isEnd { return text[...] }
            text += try escape()
        }
    }

    /// Passes over the string at this place.
    private mutating func skipString() throws {
        try expect(UInt8(ascii: "\""))
        while try !skipCharacters() { _ = try escape() }
    }

    /// Passes over the rest of a string, or what stands before an escape and its backslash; tells whether it has ended.
    private mutating func skipCharacters() throws -> Bool {
        let start = bytes.startIndex
        var place = position - start
        let byte: UInt8? = unsafe bytes.withUnsafeBufferPointer { bytes in
            while place < bytes.count {
                let byte = unsafe bytes[place]
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 32 {
                    return byte
                }
                place += 1
            }
            return nil
        }
        position = start + place
        guard let byte else { throw error("the end of a string", here) }
        guard byte >= 32 else { throw error("an escaped control character", here) }
        position += 1
        return byte == UInt8(ascii: "\"")
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
