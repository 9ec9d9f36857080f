/// Writes JSON in the order it is given.
public struct JSONWriter {
    public private(set) var bytes: [UInt8] = []
    private let indentation: Int?

    /// The text of `value`; `indentation` nil means one line.
    public static func string(_ value: JSONValue, indentation: Int? = nil) -> String {
        String(decoding: Self.bytes(value, indentation: indentation), as: UTF8.self)
    }

    public static func bytes(_ value: JSONValue, indentation: Int? = nil) -> [UInt8] {
        var writer = JSONWriter(indentation: indentation)
        writer.write(value, depth: 0)
        return writer.bytes
    }

    private init(indentation: Int?) { self.indentation = indentation }

    private mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .number(let value): bytes += (value.isFinite ? "\(value)" : "null").utf8
        case .string(let value): write(string: value)
        case .source(let source): bytes += source.bytes
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(depth + 1)
                write(value, depth: depth + 1)
            }
            if !values.isEmpty { newLine(depth) }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(depth + 1)
                write(string: member.key)
                bytes.append(UInt8(ascii: ":"))
                if indentation != nil { bytes.append(32) }
                write(member.value, depth: depth + 1)
            }
            if !object.members.isEmpty { newLine(depth) }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private mutating func newLine(_ depth: Int) {
        guard let indentation else { return }
        bytes.append(10)
        bytes += [UInt8](repeating: 32, count: indentation * depth)
    }

    private mutating func write(string: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 10: bytes += "\\n".utf8
            case 13: bytes += "\\r".utf8
            case 9: bytes += "\\t".utf8
            case 0..<32, 127:
                let digits = String(byte, radix: 16)
                bytes += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
