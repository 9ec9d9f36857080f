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
    /// A value of any kind that was left in its file.
    case source(JSONSource)

    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    public var source: JSONSource? { if case .source(let value) = self { value } else { nil } }
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
        case .source(let source): source.kind
        }
    }
}

/// The members of a JSON object in the order of the file.
public struct JSONObject: Sendable, Equatable {
    public private(set) var members: [(key: String, value: JSONValue)] = []
    /// The hash of each key's bytes.
    private var hashes: [Int] = []
    /// Open addressing over `hashes`: index + 1, 0 is free; none for a few members.
    private var slots: [Int32] = []
    private static let few = 8

    public init() {}

    public init(_ members: [(key: String, value: JSONValue)]) {
        for (key, value) in members { append(key, value) }
    }

    /// Adds a member; false when the key is there already (then nothing changes).
    @discardableResult
    public mutating func append(_ key: String, _ value: JSONValue) -> Bool {
        let hash = Self.hash(of: key)
        guard index(of: key, hash) == nil else { return false }
        members.append((key, value))
        hashes.append(hash)
        if members.count > Self.few {
            if 2 * members.count > slots.count {
                slots = [Int32](repeating: 0, count: max(32, 4 * slots.count))
                for index in members.indices { list(index) }
            } else {
                list(members.count - 1)
            }
        }
        return true
    }

    public subscript(key: String) -> JSONValue? {
        index(of: key, Self.hash(of: key)).map { members[$0].value }
    }

    private static func hash(of key: String) -> Int {
        var hasher = Hasher()
        var key = key
        key.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return hasher.finalize()
    }

    private mutating func list(_ index: Int) {
        var slot = hashes[index] & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(truncatingIfNeeded: index + 1)
    }

    private func index(of key: String, _ hash: Int) -> Int? {
        func isSame(_ index: Int) -> Bool {
            hashes[index] == hash && members[index].key.utf8.elementsEqual(key.utf8)
        }
        if slots.isEmpty { return members.indices.first(where: isSame) }
        var slot = hash & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if isSame(index) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.members.count == b.members.count
            && zip(a.members, b.members).allSatisfy {
                $0.key.utf8.elementsEqual($1.key.utf8) && $0.value == $1.value
            }
    }
}
