/// A cursor over bytes that never reads past their end: a short file is an error, not a trap.
public struct ByteReader: Sendable {
    public let path: String
    public let bytes: ArraySlice<UInt8>
    public private(set) var offset = 0

    public init(_ bytes: ArraySlice<UInt8>, path: String) {
        self.bytes = bytes
        self.path = path
    }

    public init(_ bytes: [UInt8], path: String) { self.init(bytes[...], path: path) }

    public var remaining: Int { bytes.count - offset }

    /// The next `count` bytes.
    public mutating func take(_ count: Int, _ what: String = "bytes") throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else {
            throw FileError(
                path, at: "byte \(offset)", expected: "\(count) \(what)", found: "\(remaining)")
        }
        let start = bytes.startIndex + offset
        offset += count
        return bytes[start..<start + count]
    }

    /// The next integer, little endian.
    public mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type, _ what: String)
        throws -> Value
    {
        var value: Value = 0
        for (index, byte) in try take(MemoryLayout<Value>.size, what).enumerated() {
            value |= Value(truncatingIfNeeded: byte) << (8 * index)
        }
        return value
    }

    /// The next little-endian integer of 8 bytes as a size that fits `Int`.
    public mutating func size(_ what: String) throws -> Int {
        let value = try integer(UInt64.self, what)
        guard let size = Int(exactly: value) else {
            throw FileError(path, at: "byte \(offset - 8)", expected: what, found: "\(value)")
        }
        return size
    }
}
