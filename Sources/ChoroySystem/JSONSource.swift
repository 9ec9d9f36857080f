/// A JSON value as it stands in its file: checked, but for UTF-8 in strings, and not taken apart.
///
/// Lists of hundreds of thousands of entries are read from it in the memory of one.
public struct JSONSource: Sendable, Equatable {
    let file: ArraySlice<UInt8>
    let range: Range<Int>
    let path: String
    /// How many members or elements there are; 0 for what is neither object nor array.
    public let count: Int

    /// The text of the value.
    public var bytes: ArraySlice<UInt8> { file[range] }

    /// What kind of value it is, for messages.
    public var kind: String {
        switch file[range.lowerBound] {
        case UInt8(ascii: "{"): "an object"
        case UInt8(ascii: "["): "an array"
        case UInt8(ascii: "\""): "a string"
        case UInt8(ascii: "n"): "null"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): "a boolean"
        default: "a number"
        }
    }

    public var isObject: Bool { file[range.lowerBound] == UInt8(ascii: "{") }
    public var isArray: Bool { file[range.lowerBound] == UInt8(ascii: "[") }

    /// Calls `body` with the bytes of each key, which may come twice, and a reader at its value, which it reads.
    ///
    /// - Precondition: it is an object.
    public func forEachMember(
        _ body: (ArraySlice<UInt8>, inout JSONReader) throws -> Void
    ) throws {
        var reader = JSONReader(file, path: path, at: range.lowerBound)
        try reader.members(body)
    }

    /// Calls `body` with a reader at each element, which it reads.
    ///
    /// - Precondition: it is an array.
    public func forEachElement(_ body: (inout JSONReader) throws -> Void) throws {
        var reader = JSONReader(file, path: path, at: range.lowerBound)
        try reader.elements(body)
    }
}
