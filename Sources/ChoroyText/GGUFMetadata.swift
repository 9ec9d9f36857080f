import ChoroySystem

/// The keys and values at the beginning of a GGUF file. Tensors, which come behind them, are not read.
///
/// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little endian.
package struct GGUFMetadata {
    package enum Value: Equatable {
        case integer(Int)
        case number(Double)
        case bool(Bool)
        case string([UInt8])
        case integers([Int])
        case numbers([Double])
        case bools([Bool])
        case strings(ByteStrings)
        /// An array that nobody needs.
        case skipped
    }

    package let path: String
    private var values: [String: Value] = [:]

    private static let mostPairs = 1 << 20
    /// The arrays that are kept, and how long they may be.
    private static let keptArrays: Set = [
        "tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.scores",
        "tokenizer.ggml.token_type",
    ]
    private static let mostElements = MergeTable.mostMerges
    private static let longestString = 1 << 24

    /// - Throws: `FileError` for a file that is no GGUF of these versions, or damaged.
    package init(path: String) throws {
        self.path = path
        var cursor = try FileCursor(path)
        guard try cursor.bytes(4, "the magic") == Array("GGUF".utf8) else {
            throw cursor.error("the magic", "GGUF", "other bytes")
        }
        let version = try cursor.number(UInt32.self, "version")
        guard (2...3).contains(version) else {
            throw cursor.error("version", "2 or 3", "\(version)")
        }
        _ = try cursor.number(UInt64.self, "number of tensors")
        let pairs = try cursor.number(UInt64.self, "number of keys")
        guard pairs <= Self.mostPairs else {
            throw cursor.error("number of keys", "at most \(Self.mostPairs)", "\(pairs)")
        }
        for _ in 0..<pairs {
            let bytes = try Self.string(&cursor, "a key")
            guard !bytes.isEmpty, let key = String(validating: bytes, as: UTF8.self) else {
                throw cursor.error("a key", "a name", bytes.isEmpty ? "none" : "invalid UTF-8")
            }
            let type = try cursor.number(UInt32.self, key)
            let value = try Self.value(type, &cursor, key)
            guard values.updateValue(value, forKey: key) == nil else {
                throw cursor.error(key, "each key once", "it again")
            }
        }
    }

    package subscript(key: String) -> Value? { values[key] }

    /// The text of a key; nil when it is not there.
    ///
    /// - Throws: `FileError` when it is something else.
    package func text(_ key: String) throws -> String? {
        guard let value = values[key] else { return nil }
        guard case .string(let bytes) = value, let text = String(validating: bytes, as: UTF8.self)
        else { throw FileError(path, at: key, expected: "text", found: "something else") }
        return text
    }

    /// The strings of a key.
    ///
    /// - Throws: `FileError` when it is not there or something else.
    package func strings(_ key: String) throws -> ByteStrings {
        guard case .strings(let strings) = values[key] else {
            throw FileError(
                path, at: key, expected: "an array of strings",
                found: values[key] == nil ? "none" : "something else")
        }
        return strings
    }

    // MARK: Values

    private static func string(_ cursor: inout FileCursor, _ place: String) throws -> [UInt8] {
        try cursor.bytes(try length(&cursor, place), place)
    }

    /// The length of a string, which comes before it.
    private static func length(_ cursor: inout FileCursor, _ place: String) throws -> Int {
        let count = try cursor.number(UInt64.self, place)
        guard count <= longestString else {
            throw cursor.error(place, "a string of at most \(longestString) bytes", "\(count)")
        }
        return Int(count)
    }

    private static func value(
        _ type: UInt32, _ cursor: inout FileCursor, _ key: String
    ) throws -> Value {
        switch type {
        case 0...5, 10, 11: return .integer(try integer(type, &cursor, key))
        case 6, 12: return .number(try number(type, &cursor, key))
        case 7: return .bool(try bool(&cursor, key))
        case 8: return .string(try string(&cursor, key))
        case 9: return try array(&cursor, key)
        default: throw cursor.error(key, "a type from 0 to 12", "\(type)")
        }
    }

    private static func array(_ cursor: inout FileCursor, _ key: String) throws -> Value {
        let type = try cursor.number(UInt32.self, key)
        let count64 = try cursor.number(UInt64.self, key)
        // Bytes of an element; of a string at least those of its length.
        let size = type < 2 || type == 7 ? 1 : type < 4 ? 2 : type < 7 ? 4 : 8
        let (bytes, overflows) = count64.multipliedReportingOverflow(by: UInt64(size))
        guard !overflows, bytes <= cursor.remaining else {
            throw cursor.error(key, "an array that fits the file", "\(count64) elements")
        }
        let count = Int(count64)
        guard keptArrays.contains(key) else {
            guard type == 8 else {
                try cursor.skip(Int(bytes), key)
                return .skipped
            }
            for _ in 0..<count { try cursor.skip(try length(&cursor, key), key) }
            return .skipped
        }
        guard count <= mostElements else {
            throw cursor.error(key, "at most \(mostElements) elements", "\(count)")
        }
        switch type {
        case 0...5, 10, 11:
            return .integers(try (0..<count).map { _ in try integer(type, &cursor, key) })
        case 6, 12: return .numbers(try (0..<count).map { _ in try number(type, &cursor, key) })
        case 7: return .bools(try (0..<count).map { _ in try bool(&cursor, key) })
        case 8:
            var strings = ByteStrings()
            strings.reserve(count)
            for _ in 0..<count {
                let length = try length(&cursor, key)
                try strings.append { try cursor.append(length, to: &$0, key) }
            }
            return .strings(strings)
        default: throw cursor.error(key, "elements of a type from 0 to 12 but 9", "\(type)")
        }
    }

    private static func integer(
        _ type: UInt32, _ cursor: inout FileCursor, _ key: String
    ) throws -> Int {
        switch type {
        case 0: return Int(try cursor.number(UInt8.self, key))
        case 1: return Int(try cursor.number(Int8.self, key))
        case 2: return Int(try cursor.number(UInt16.self, key))
        case 3: return Int(try cursor.number(Int16.self, key))
        case 4: return Int(try cursor.number(UInt32.self, key))
        case 5: return Int(try cursor.number(Int32.self, key))
        case 11: return Int(try cursor.number(Int64.self, key))
        default:
            let value = try cursor.number(UInt64.self, key)
            guard let integer = Int(exactly: value) else {
                throw cursor.error(key, "at most \(Int.max)", "\(value)")
            }
            return integer
        }
    }

    private static func number(
        _ type: UInt32, _ cursor: inout FileCursor, _ key: String
    ) throws -> Double {
        type == 6
            ? Double(Float(bitPattern: try cursor.number(UInt32.self, key)))
            : Double(bitPattern: try cursor.number(UInt64.self, key))
    }

    private static func bool(_ cursor: inout FileCursor, _ key: String) throws -> Bool {
        let byte = try cursor.number(UInt8.self, key)
        guard byte < 2 else { throw cursor.error(key, "0 or 1", "\(byte)") }
        return byte == 1
    }
}
