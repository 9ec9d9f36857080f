#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whole files as bytes, read with bounded reads.
public enum FileBytes {
    /// All bytes of the file at `path`, or of standard input for "-".
    ///
    /// - Throws: `FileError` when the file is missing, a directory, unreadable or larger than `limit` bytes.
    public static func read(_ path: String, limit: Int = 1 << 36) throws -> [UInt8] {
        let (descriptor, status) = try open(path)
        defer { if path != "-" { close(descriptor) } }
        let size = Int(status.st_size)
        guard size <= limit else {
            throw FileError(path, expected: "at most \(limit) bytes", found: "\(size) bytes")
        }
        if status.st_mode & S_IFMT == S_IFREG && size > 0 {
            let bytes = try unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                count = try unsafe fill(
                    UnsafeMutableRawBufferPointer(buffer), from: descriptor, path: path)
            }
            return bytes
        }
        return try stream(descriptor, path: path, limit: limit)
    }

    /// The first bytes of the file at `path`, at most `count`; none of a pipe, which gives them once.
    ///
    /// - Throws: `FileError` when the file is missing, a directory or unreadable.
    public static func start(of path: String, count: Int) throws -> [UInt8] {
        if FilePath.kind(of: path) == .other { return [] }
        let (descriptor, _) = try open(path)
        defer { close(descriptor) }
        return try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try unsafe fill(
                UnsafeMutableRawBufferPointer(buffer), from: descriptor, path: path)
        }
    }

    /// Gives the bytes of the file at `path`, or of standard input for "-", piece by piece: for files
    /// that need not be in memory as a whole.
    ///
    /// - Throws: `FileError` when the file is missing, a directory or unreadable, and what `body` throws.
    public static func forEachPiece(of path: String, _ body: ([UInt8]) throws -> Void) throws {
        let (descriptor, _) = try open(path)
        defer { if path != "-" { close(descriptor) } }
        // The same memory for all pieces: new memory costs the system more than the reading.
        var piece = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = try unsafe piece.withUnsafeMutableBytes { buffer in
                try unsafe fill(buffer, from: descriptor, path: path)
            }
            guard count == piece.count else {
                if count > 0 { try body(Array(piece[..<count])) }
                return
            }
            try body(piece)
        }
    }

    private static func open(_ path: String) throws -> (descriptor: Int32, status: stat) {
        #if canImport(Glibc)
            let descriptor =
                path == "-" ? STDIN_FILENO : unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        #else
            let descriptor =
                path == "-" ? STDIN_FILENO : unsafe Darwin.open(path, O_RDONLY | O_CLOEXEC)
        #endif
        guard descriptor >= 0 else { throw SystemError.file(path, expected: "a readable file") }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let error = SystemError.file(path, expected: "a readable file")
            if path != "-" { close(descriptor) }
            throw error
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            if path != "-" { close(descriptor) }
            throw FileError(path, expected: "a file", found: "a directory")
        }
        return (descriptor, status)
    }

    private static func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, path: String
    ) throws -> Int {
        var done = 0
        while done < buffer.count {
            let wanted = min(buffer.count - done, 1 << 30)
            #if canImport(Glibc)
                let got = unsafe Glibc.read(
                    descriptor, buffer.baseAddress?.advanced(by: done), wanted)
            #else
                let got = unsafe Darwin.read(
                    descriptor, buffer.baseAddress?.advanced(by: done), wanted)
            #endif
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw SystemError.file(path, expected: "a readable file") }
            if got == 0 { break }
            done += got
        }
        return done
    }

    private static func stream(_ descriptor: Int32, path: String, limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                count = try unsafe fill(
                    UnsafeMutableRawBufferPointer(buffer), from: descriptor, path: path)
            }
            if piece.isEmpty { return bytes }
            bytes += piece
            guard bytes.count <= limit else {
                throw FileError(path, expected: "at most \(limit) bytes", found: "more")
            }
        }
    }
}

/// Errors of system calls as sentences.
public enum SystemError {
    /// A `FileError` that says what `errno` says.
    public static func file(_ path: String, expected: String) -> FileError {
        FileError(path, expected: expected, found: message(errno))
    }

    /// The system's words for an error number, in lower case.
    public static func message(_ number: Int32) -> String {
        guard let text = unsafe strerror(number) else { return "error \(number)" }
        let words = unsafe String(cString: text)
        return words.prefix(1).lowercased() + words.dropFirst()
    }
}
