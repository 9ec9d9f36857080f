public import ChoroySystem
public import ChoroyTensor

/// The tensors of a safetensors file, checked when it is opened and read one by one.
public struct SafetensorsFile: Sendable {
    public let header: SafetensorsHeader
    private let file: RandomAccessFile
    /// Positions in `header.tensors` by the UTF-8 bytes of the name.
    private let positions: [[UInt8]: Int]

    /// Opens the file and checks its whole header; no tensor is read.
    ///
    /// - Throws: `FileError` for anything that breaks a rule of the format.
    public init(path: String) throws {
        file = try RandomAccessFile(path: path)
        header = try SafetensorsHeader(file)
        positions = Dictionary(
            header.tensors.enumerated().map { (Array($1.name.utf8), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    public var path: String { file.path }

    /// Names of the tensors in the order of their bytes.
    public var names: [String] { header.tensors.map(\.name) }

    /// The strings that the writer left under `__metadata__`.
    public var metadata: [(key: String, value: String)] { header.metadata }

    /// Element type, shape and place of a tensor; nil when there is none of this name.
    public func info(_ name: String) -> SafetensorsHeader.Info? {
        positions[Array(name.utf8)].map { header.tensors[$0] }
    }

    /// The elements of a tensor in row-major order: F32 as they are, F16 and BF16 widened.
    ///
    /// - Throws: `FileError` for a missing tensor, and for types that are no floats of 16 or 32 bits.
    public func floats(_ name: String) throws -> [Float] {
        let info = try readable(name)
        return try unsafe [Float](unsafeUninitializedCapacity: info.count) { buffer, count in
            try unsafe read(info, into: UnsafeMutableBufferPointer(rebasing: buffer[..<info.count]))
            count = info.count
        }
    }

    /// The same as a tensor.
    public func tensor(_ name: String) throws -> Tensor {
        let info = try readable(name)
        var failure: (any Error)?
        let tensor = unsafe Tensor(shape: info.shape) { buffer in
            do { try unsafe read(info, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return tensor
    }

    /// The same into memory that the caller has.
    ///
    /// - Precondition: `buffer` has room for exactly the elements of the tensor.
    public func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws {
        let info = try readable(name)
        precondition(
            buffer.count == info.count,
            "tensor \(info.name): \(info.count) elements into \(buffer.count)")
        try unsafe read(info, into: buffer)
    }

    /// Some rows of a matrix.
    ///
    /// - Precondition: the tensor has two axes, and `buffer` room for exactly these rows.
    func read(
        _ name: String, rows: Range<Int>, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws {
        let info = try readable(name)
        try unsafe read(info, from: rows.lowerBound * info.shape[1], into: buffer)
    }

    /// The bytes of some rows of a matrix of type I8.
    ///
    /// - Precondition: the tensor is there, has two axes and this type, and `buffer` has room for
    ///   exactly these rows.
    func readBytes(
        _ info: SafetensorsHeader.Info, rows: Range<Int>,
        into buffer: UnsafeMutableBufferPointer<Int8>
    ) throws {
        precondition(
            info.dtype == "I8" && info.shape.count == 2
                && buffer.count == rows.count * info.shape[1],
            "tensor \(info.name): rows \(rows) of \(info.dtype) \(info.shape)")
        try unsafe file.read(
            into: UnsafeMutableRawBufferPointer(buffer),
            at: info.offset + rows.lowerBound * info.shape[1])
    }

    private func readable(_ name: String) throws -> SafetensorsHeader.Info {
        guard let info = info(name) else {
            throw FileError(path, at: "tensor \(name)", expected: "a tensor", found: "none")
        }
        guard ["F32", "F16", "BF16"].contains(info.dtype) else {
            throw FileError(
                path, at: "tensor \(name)", expected: "F32, F16 or BF16", found: info.dtype)
        }
        return info
    }

    private func read(
        _ info: SafetensorsHeader.Info, from first: Int = 0,
        into buffer: UnsafeMutableBufferPointer<Float>
    ) throws {
        let count = buffer.count
        precondition(
            first >= 0 && first + count <= info.count,
            "tensor \(info.name): \(count) elements from \(first) of \(info.count)")
        if info.dtype == "F32" {
            try unsafe file.read(
                into: UnsafeMutableRawBufferPointer(buffer), at: info.offset + 4 * first)
            return
        }
        // The halves are read into the rear of the target and widened from its front on: element i
        // is written to bytes 4i..<4i+4, read from 2n+2i on, which is never behind what is written.
        guard count > 0 else { return }
        let halves = unsafe UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(buffer)[(2 * count)...])
        try unsafe file.read(into: halves, at: info.offset + 2 * first)
        let isBrain = info.dtype == "BF16"
        for index in 0..<count {
            let half = unsafe halves.load(fromByteOffset: 2 * index, as: UInt16.self)
            unsafe buffer[index] =
                isBrain
                ? Float(bitPattern: UInt32(half) << 16) : Float(halfPattern: half)
        }
    }
}

extension Float {
    /// The value of a binary16 number (IEEE 754), exactly.
    init(halfPattern half: UInt16) {
        let sign = UInt32(half & 0x8000) << 16
        let exponent = UInt32(half >> 10 & 0x1F)
        let fraction = UInt32(half & 0x3FF)
        switch exponent {
        case 0:
            // Subnormal: fraction · 2⁻²⁴, which binary32 holds as a normal number.
            let magnitude = Float(fraction) * 0x1p-24
            self = Float(bitPattern: magnitude.bitPattern | sign)
        case 31: self = Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: self = Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}

/// Writes safetensors files.
public enum Safetensors {
    /// A tensor to write; its values are asked for when their turn comes.
    public struct Entry {
        public let name: String
        public let shape: [Int]
        fileprivate var dtype = "F32"
        fileprivate let write: (inout FileWriter) throws -> Void

        /// - Precondition: `values.count` is the product of `shape`.
        public init(_ name: String, shape: [Int], values: [Float]) {
            precondition(
                values.count == shape.reduce(1, *), "\(name): \(values.count) values for \(shape)")
            self.name = name
            self.shape = shape
            write = { file in try file.append(values: values) }
        }

        public init(_ name: String, _ tensor: Tensor) {
            self.name = name
            shape = tensor.shape
            write = { file in
                try unsafe file.append(
                    raw: UnsafeRawBufferPointer(
                        start: tensor.storage.pointer, count: 4 * tensor.count))
            }
        }

        /// The bytes of a matrix, as I8 without its scales.
        public init(_ name: String, _ matrix: Int8Matrix) {
            self.name = name
            shape = matrix.shape
            dtype = "I8"
            write = { file in
                // 64 rows at a time: one panel of the matrix.
                for first in stride(from: 0, to: matrix.outputs, by: 64) {
                    let rows = first..<min(matrix.outputs, first + 64)
                    let count = rows.count * matrix.depth
                    try file.append(
                        values: unsafe [Int8](unsafeUninitializedCapacity: count) { block, filled in
                            unsafe matrix.bytes(
                                rows,
                                into: UnsafeMutableBufferPointer(rebasing: block[..<count]))
                            filled = count
                        })
                }
            }
        }

        /// Size in bytes.
        fileprivate var byteCount: Int { shape.reduce(1, *) * (dtype == "I8" ? 1 : 4) }

        /// Values that lie in memory of the caller's; `body` calls its argument once with them.
        public init(
            _ name: String, shape: [Int],
            values body: @escaping ((UnsafeBufferPointer<Float>) throws -> Void) throws -> Void
        ) {
            self.name = name
            self.shape = shape
            write = { file in
                let before = file.count
                // The closure borrows the writer only while it runs; a copy of a reference would not do.
                try unsafe withUnsafeMutablePointer(to: &file) { writer in
                    try unsafe body { values in
                        try unsafe writer.pointee.append(raw: UnsafeRawBufferPointer(values))
                    }
                }
                let written = file.count - before
                precondition(
                    written == 4 * shape.reduce(1, *), "\(name): \(written) bytes for \(shape)")
            }
        }
    }

    /// Writes `tensors` in the given order: the same tensors give the same bytes.
    ///
    /// The file is complete or, when this throws, as it was before.
    /// - Precondition: no name comes twice.
    public static func write(
        to path: String, tensors: [Entry],
        metadata: [(key: String, value: String)] = [("format", "pt")]
    ) throws {
        try AtomicFile.write(to: path) { file in
            try write(tensors, metadata: metadata, to: &file)
        }
    }

    /// The same to a file that is open already.
    public static func write(
        _ tensors: [Entry], metadata: [(key: String, value: String)] = [("format", "pt")],
        to file: inout FileWriter
    ) throws {
        let header = header(tensors, metadata: metadata)
        let size = UInt64(header.count)
        try file.append((0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) })
        try file.append(header)
        for tensor in tensors { try tensor.write(&file) }
    }

    /// The JSON text, with spaces up to a multiple of 8 bytes so that the data is aligned.
    private static func header(_ tensors: [Entry], metadata: [(key: String, value: String)])
        -> [UInt8]
    {
        var object = JSONObject()
        if !metadata.isEmpty {
            let strings = metadata.map { ($0.key, JSONValue.string($0.value)) }
            object.append("__metadata__", .object(JSONObject(strings)))
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.byteCount
            let isNew = object.append(
                tensor.name,
                .object(
                    JSONObject([
                        ("dtype", .string(tensor.dtype)),
                        ("shape", .array(tensor.shape.map { .integer($0) })),
                        ("data_offsets", .array([.integer(offset), .integer(end)])),
                    ])))
            precondition(isNew, "Safetensors.write: tensor \(tensor.name) comes twice")
            offset = end
        }
        var bytes = JSONWriter.bytes(.object(object))
        bytes += [UInt8](repeating: 32, count: (8 - bytes.count % 8) % 8)
        return bytes
    }
}
