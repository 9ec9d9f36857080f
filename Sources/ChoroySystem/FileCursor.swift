/// A file read from its beginning on, value by value, each read checked against the file's size.
public struct FileCursor {
    private let file: RandomAccessFile
    private var buffer: [UInt8] = []
    /// Where `buffer` begins in the file, and how much of it was read.
    private var start = 0
    private var used = 0
    private static let bufferSize = 1 << 18

    /// - Throws: `FileError` when `path` is no regular file that can be read.
    public init(_ path: String) throws { file = try RandomAccessFile(path: path) }

    /// Bytes that have been read.
    public var position: Int { start + used }
    /// Bytes that have not.
    public var remaining: Int { file.size - position }

    /// An error about what was just read, or could not be.
    public func error(_ place: String, _ expected: String, _ found: String) -> FileError {
        FileError(
            file.path, at: "\(place), byte \(position)", expected: expected, found: found)
    }

    /// The next `count` bytes.
    ///
    /// - Throws: `FileError` when the file ends before.
    public mutating func bytes(_ count: Int, _ place: String) throws -> [UInt8] {
        Array(try take(count, place))
    }

    /// Appends the next `count` bytes.
    ///
    /// - Throws: `FileError` when the file ends before.
    public mutating func append(
        _ count: Int, to bytes: inout [UInt8], _ place: @autoclosure () -> String
    ) throws { bytes += try take(count, place()) }

    private mutating func take(
        _ count: Int, _ place: @autoclosure () -> String
    ) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else {
            throw error(place(), "\(count) more bytes", "\(remaining)")
        }
        if buffer.count - used < count {
            start += used
            buffer = try file.read(
                min(file.size - start, max(count, Self.bufferSize)), at: start)
            used = 0
        }
        used += count
        return buffer[used - count..<used]
    }

    /// Passes over the next `count` bytes.
    ///
    /// - Throws: `FileError` when the file ends before.
    public mutating func skip(_ count: Int, _ place: String) throws {
        guard count >= 0, count <= remaining else {
            throw error(place, "\(count) more bytes", "\(remaining)")
        }
        start = position + count
        buffer = []
        used = 0
    }

    /// The next number, little endian.
    public mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ type: Number.Type, _ place: @autoclosure () -> String
    ) throws -> Number {
        let size = Number.bitWidth / 8
        guard size <= remaining else { throw error(place(), "\(size) more bytes", "\(remaining)") }
        if buffer.count - used < size {
            start += used
            buffer = try file.read(min(file.size - start, Self.bufferSize), at: start)
            used = 0
        }
        let value = unsafe buffer.withUnsafeBytes {
            unsafe $0.loadUnaligned(fromByteOffset: used, as: Number.self)
        }
        used += size
        return Number(littleEndian: value)
    }
}
