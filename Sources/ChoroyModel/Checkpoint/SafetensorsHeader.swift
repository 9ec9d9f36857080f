import ChoroySystem

/// What a safetensors file says about its tensors: the JSON object at its start, fully checked.
///
/// The checks are those of the format's text and of its reference reader: unique keys, spans that
/// follow each other from the first byte of the data to the last without holes or overlap, sizes
/// that equal shape times element size. So no later read needs to doubt a span.
///
/// Source: https://github.com/huggingface/safetensors, "Format".
public struct SafetensorsHeader: Sendable {
    /// One tensor: element type, shape, and where its bytes lie in the file.
    public struct Info: Sendable, Equatable {
        public let name: String
        /// As the file spells it: "F32", "BF16", …
        public let dtype: String
        public let shape: [Int]
        /// Offset in bytes from the start of the file.
        public let offset: Int
        /// Size in bytes.
        public let byteCount: Int

        /// Number of elements.
        public var count: Int { shape.reduce(1, *) }
    }

    /// All tensors in the order of their bytes.
    public let tensors: [Info]
    /// The strings under `__metadata__` in the order of the file.
    public let metadata: [(key: String, value: String)]

    static let largest = 100_000_000
    static let mostTensors = 1_000_000
    static let mostDimensions = 8

    /// Bits of an element by type.
    private static let bits: [String: Int] = [
        "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8,
        "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "U16": 16, "I16": 16,
        "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
        "C64": 64,
    ]

    /// Reads and checks the header of `file`.
    ///
    /// - Throws: `FileError` with the byte or the tensor where a rule is broken.
    init(_ file: RandomAccessFile) throws {
        let path = file.path
        guard file.size >= 8 else {
            throw FileError(
                path, expected: "8 bytes with the header's size", found: "\(file.size) bytes")
        }
        var start = ByteReader(try file.read(8, at: 0), path: path)
        let length = try start.size("a header size below 2^63")
        guard length <= Self.largest else {
            throw FileError(
                path, at: "byte 0", expected: "a header of at most \(Self.largest) bytes",
                found: "\(length)")
        }
        guard length <= file.size - 8 else {
            throw FileError(
                path, at: "byte 0", expected: "a header within the file's \(file.size) bytes",
                found: "\(length) bytes")
        }
        let json = try JSONReader.parse(try file.read(length, at: 8), path: path)
        guard let object = json.object else {
            throw FileError(path, at: "byte 8", expected: "an object", found: json.kind)
        }
        guard object.members.count <= Self.mostTensors else {
            throw FileError(
                path, expected: "at most \(Self.mostTensors) tensors",
                found: "\(object.members.count)")
        }
        metadata = try Self.metadata(object["__metadata__"], path: path)
        var infos: [Info] = []
        infos.reserveCapacity(object.members.count)
        let metadataKey = Array("__metadata__".utf8)
        for (name, value) in object.members where Array(name.utf8) != metadataKey {
            infos.append(try Self.info(name, value, dataStart: 8 + length, path: path))
        }
        infos.sort { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
        try Self.checkSpans(infos, from: 8 + length, to: file.size, path: path)
        tensors = infos
    }

    private static func metadata(_ value: JSONValue?, path: String) throws -> [(
        key: String, value: String
    )] {
        guard let value else { return [] }
        guard let object = value.object else {
            throw FileError(path, at: "__metadata__", expected: "an object", found: value.kind)
        }
        return try object.members.map { key, value in
            guard let text = value.string else {
                throw FileError(
                    path, at: "__metadata__.\(key)", expected: "a string", found: value.kind)
            }
            return (key, text)
        }
    }

    private static func info(_ name: String, _ value: JSONValue, dataStart: Int, path: String)
        throws -> Info
    {
        func fail(_ expected: String, _ found: String) -> FileError {
            FileError(path, at: "tensor \(name)", expected: expected, found: found)
        }
        func sizes(_ key: String, atMost limit: Int) throws -> [Int] {
            guard let array = value[key]?.array, array.count <= limit else {
                let found = value[key]?.array.map { "\($0.count) numbers" } ?? value[key]?.kind
                throw fail("\"\(key)\" with at most \(limit) sizes", found ?? "no such key")
            }
            return try array.map { element in
                guard let size = element.integer, size >= 0 else {
                    throw fail("\"\(key)\" in integers from 0", JSONWriter.string(element))
                }
                return size
            }
        }
        guard let object = value.object else { throw fail("an object", value.kind) }
        for (key, _) in object.members where !["dtype", "shape", "data_offsets"].contains(key) {
            throw fail("the keys dtype, shape and data_offsets", "\"\(key)\"")
        }
        guard let dtype = value["dtype"]?.string else {
            throw fail("\"dtype\" as a string", value["dtype"]?.kind ?? "no such key")
        }
        guard let bits = bits[dtype] else { throw fail("a known dtype", "\"\(dtype)\"") }
        let shape = try sizes("shape", atMost: mostDimensions)
        let offsets = try sizes("data_offsets", atMost: 2)
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw fail("\"data_offsets\" as [begin, end]", "\(offsets)")
        }
        var size = bits
        for dimension in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw fail("a size below 2^63 bits", "shape \(shape)") }
            size = product
        }
        guard size % 8 == 0 else { throw fail("whole bytes", "\(size) bits") }
        guard size / 8 == offsets[1] - offsets[0] else {
            throw fail(
                "\(size / 8) bytes for \(dtype) \(shape)", "\(offsets[1] - offsets[0]) bytes")
        }
        let (offset, overflow) = offsets[0].addingReportingOverflow(dataStart)
        guard !overflow else { throw fail("an offset within the file", "\(offsets[0])") }
        return Info(
            name: name, dtype: dtype, shape: shape, offset: offset, byteCount: size / 8)
    }

    /// Each span begins where the one before it ends, and the last ends with the file.
    private static func checkSpans(_ infos: [Info], from start: Int, to end: Int, path: String)
        throws
    {
        var next = start
        for info in infos {
            guard info.offset == next else {
                throw FileError(
                    path, at: "tensor \(info.name)",
                    expected: "data from byte \(next - start) on",
                    found: "from byte \(info.offset - start)")
            }
            guard info.byteCount <= end - next else {
                throw FileError(
                    path, at: "tensor \(info.name)", expected: "\(info.byteCount) bytes of data",
                    found: "\(end - next)")
            }
            next += info.byteCount
        }
        guard next == end else {
            throw FileError(
                path, at: "byte \(next)", expected: "the end of the file",
                found: "\(end - next) more bytes")
        }
    }
}
