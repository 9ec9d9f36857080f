#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A regular file that is read at places of one's choice.
///
/// Reads are copies (`pread`), not a memory map: a file that is cut short meanwhile gives an error.
public final class RandomAccessFile: Sendable {
    public let path: String
    /// Size in bytes when the file was opened.
    public let size: Int
    private let descriptor: Int32

    /// - Throws: `FileError` when `path` is missing, unreadable or not a regular file.
    public init(path: String) throws {
        self.path = path
        // Without O_NONBLOCK a pipe would wait for its writer.
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SystemError.file(path, expected: "a readable file") }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let error = SystemError.file(path, expected: "a readable file")
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            throw FileError(
                path, expected: "a file", found: isDirectory ? "a directory" : "a device or pipe")
        }
        size = Int(status.st_size)
    }

    /// A copy of what can be read only once: a pipe, or "-" for standard input.
    ///
    /// - Throws: `FileError` when `path` cannot be read, or there is no room for the copy.
    public convenience init(copyOf path: String) throws {
        try self.init(temporary: path == "-" ? "standard input" : path) { writer in
            try FileBytes.forEachPiece(of: path) { try writer.append($0) }
        }
    }

    /// What `body` writes, in the directory for large temporary files. It has no name, and is gone with its last
    /// reader.
    ///
    /// - Parameter title: What messages call it.
    /// - Throws: `FileError` when there is no room, and what `body` throws.
    public init(temporary title: String, _ body: (FileWriter) throws -> Void) throws {
        let folder = FilePath.temporaryDirectory
        let name = FilePath.join(folder, "choroy-\(getpid())-\(UInt64.random(in: 0 ... .max))")
        let writer = try FileWriter(
            path: name, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600, reportedAs: folder)
        descriptor = unsafe open(name, O_RDONLY | O_CLOEXEC)
        let error = SystemError.file(folder, expected: "room for \(title)")
        unsafe unlink(name)
        path = title
        guard descriptor >= 0 else { throw error }
        do {
            try body(writer)
            try writer.flush()
        } catch {
            close(descriptor)
            throw error
        }
        size = writer.count
        writer.close()
    }

    deinit { close(descriptor) }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// - Throws: `FileError` when the file ends before the buffer is full.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        precondition(offset >= 0, "read at \(offset)")
        var done = 0
        while done < buffer.count {
            let wanted = min(buffer.count - done, 1 << 30)
            let got = unsafe pread(
                descriptor, buffer.baseAddress?.advanced(by: done), wanted, off_t(offset + done))
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw SystemError.file(path, expected: "a readable file") }
            guard got > 0 else {
                throw FileError(
                    path, at: "byte \(offset + done)", expected: "\(buffer.count - done) bytes",
                    found: "the end of the file")
            }
            done += got
        }
    }

    /// `count` bytes from `offset` on; nothing is allocated when the file is too short.
    public func read(_ count: Int, at offset: Int) throws -> [UInt8] {
        guard count >= 0, offset >= 0, offset <= size, count <= size - offset else {
            throw FileError(
                path, at: "byte \(offset)", expected: "\(count) bytes",
                found: "\(max(0, size - offset))")
        }
        return try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try unsafe read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            initialized = count
        }
    }
}
