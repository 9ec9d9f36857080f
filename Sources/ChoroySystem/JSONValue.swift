/// A JSON value that keeps what the usual decoders lose: the order of keys, and whether a number
/// was an integer. Keys are compared by their UTF-8 bytes.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The member of an object with this key.
    public subscript(key: String) -> JSONValue? { object?[key] }

    /// What kind of value it is, for messages.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// The members of a JSON object in the order of the file.
public struct JSONObject: Sendable, Equatable {
    public private(set) var members: [(key: String, value: JSONValue)] = []
    private var positions: [[UInt8]: Int] = [:]

    public init() {}

    public init(_ members: [(key: String, value: JSONValue)]) {
        for (key, value) in members { append(key, value) }
    }

    /// Adds a member; false when the key is there already (then nothing changes).
    @discardableResult
    public mutating func append(_ key: String, _ value: JSONValue) -> Bool {
        let bytes = Array(key.utf8)
        guard positions[bytes] == nil else { return false }
        positions[bytes] = members.count
        members.append((key, value))
        return true
    }

    public subscript(key: String) -> JSONValue? {
        positions[Array(key.utf8)].map { members[$0].value }
    }

    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.members.count == b.members.count
            && zip(a.members, b.members).allSatisfy {
                Array($0.key.utf8) == Array($1.key.utf8) && $0.value == $1.value
            }
    }
}
