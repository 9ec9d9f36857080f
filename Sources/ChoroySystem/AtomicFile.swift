#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Files that are either the old one or the new one, whatever happens in between.
public enum AtomicFile {
    /// Writes `bytes` beside `path`, syncs, renames over `path` and syncs the directory.
    ///
    /// A `path` that exists and is not a regular file (a device, a pipe) is written in place.
    /// - Throws: `FileError`; the earlier file is intact then.
    public static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        try write(to: path, mode: mode) { file in try file.append(bytes) }
    }

    /// The same for content that is produced piece by piece.
    public static func write(
        to path: String, mode: UInt32 = 0o644, _ body: (inout FileWriter) throws -> Void
    ) throws {
        var status = stat()
        let exists = unsafe stat(path, &status) == 0
        if exists && status.st_mode & S_IFMT == S_IFDIR {
            throw FileError(path, expected: "a file", found: "a directory")
        }
        if exists && status.st_mode & S_IFMT != S_IFREG {
            var file = try FileWriter(path: path, flags: O_WRONLY, mode: mode)
            do {
                try body(&file)
                try file.flush()
            } catch {
                file.close()
                throw error
            }
            file.close()
            return
        }
        let temporary = "\(path).tmp-\(getpid())"
        var file = try FileWriter(
            path: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode, reportedAs: path)
        do {
            try body(&file)
            try file.sync()
            file.close()
            guard unsafe rename(temporary, path) == 0 else {
                throw SystemError.file(path, expected: "a file that can be replaced")
            }
            try syncDirectory(of: path)
        } catch {
            file.close()
            unsafe unlink(temporary)
            throw error
        }
    }

    /// Copies a file, a piece at a time.
    public static func copy(_ source: String, to path: String) throws {
        let file = try RandomAccessFile(path: source)
        try write(to: path) { target in
            var offset = 0
            while offset < file.size {
                let piece = try file.read(min(1 << 20, file.size - offset), at: offset)
                try target.append(piece)
                offset += piece.count
            }
        }
    }

    /// Makes a rename or a new name in the directory that holds `path` last through a power cut.
    public static func syncDirectory(of path: String) throws {
        let directory = FilePath.directory(of: path)
        let descriptor = unsafe open(directory, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw SystemError.file(directory, expected: "a directory that can be opened")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw SystemError.file(directory, expected: "a directory that can be synced")
        }
    }
}

/// A buffered file for writing; every failure is thrown with the file's name.
public final class FileWriter {
    private var descriptor: Int32
    private let name: String
    private var buffer: [UInt8] = []
    /// Bytes appended so far.
    public private(set) var count = 0

    public init(path: String, flags: Int32, mode: UInt32 = 0o644, reportedAs name: String? = nil)
        throws
    {
        descriptor = unsafe open(path, flags | O_CLOEXEC, mode_t(mode))
        self.name = name ?? path
        guard descriptor >= 0 else {
            throw SystemError.file(self.name, expected: "a file that can be written")
        }
        buffer.reserveCapacity(1 << 20)
    }

    /// Appends bytes; many that lie in memory go to the file without a copy.
    public func append(_ bytes: some Collection<UInt8>) throws {
        if bytes.count >= 1 << 16,
            try bytes.withContiguousStorageIfAvailable({ bytes in
                try unsafe append(raw: UnsafeRawBufferPointer(bytes))
            }) != nil
        {
            return
        }
        let before = buffer.count
        buffer.append(contentsOf: bytes)
        count += buffer.count - before
        if buffer.count >= 1 << 20 { try flush() }
    }

    public func append(_ text: String) throws { try append(text.utf8) }

    /// Appends the bytes of an array of numbers as they lie in memory (little endian here).
    public func append<Number: BitwiseCopyable>(values: [Number]) throws {
        try unsafe values.withUnsafeBytes { try unsafe append(raw: $0) }
    }

    /// Appends bytes as they lie in memory; many go to the file without a copy.
    public func append(raw bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count >= 1 << 16 else {
            unsafe buffer.append(contentsOf: bytes)
            count += bytes.count
            if buffer.count >= 1 << 20 { try flush() }
            return
        }
        try flush()
        try unsafe write(bytes)
        count += bytes.count
    }

    public func flush() throws {
        try unsafe buffer.withUnsafeBytes { try unsafe write($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    public func sync() throws {
        try flush()
        guard fsync(descriptor) == 0 else {
            throw SystemError.file(name, expected: "a disk that keeps what is written")
        }
    }

    /// Whether bytes that were written can be written anew: not in a pipe or a terminal.
    public var isSeekable: Bool { lseek(descriptor, 0, SEEK_CUR) >= 0 }

    /// Writes `bytes` over those that stand at `place`; what is appended goes on at the end.
    public func overwrite(_ bytes: [UInt8], at place: Int) throws {
        try flush()
        let done = unsafe bytes.withUnsafeBytes {
            unsafe pwrite(descriptor, $0.baseAddress, $0.count, off_t(place))
        }
        guard done == bytes.count else {
            throw SystemError.file(name, expected: "\(bytes.count) bytes written at \(place)")
        }
    }

    /// Cuts the file off after its first `count` bytes, and drops what was not written yet.
    public func truncate(to count: Int) throws {
        buffer.removeAll(keepingCapacity: true)
        guard ftruncate(descriptor, off_t(count)) == 0 else {
            throw SystemError.file(name, expected: "a file that can be cut to \(count) bytes")
        }
    }

    public func close() {
        guard descriptor >= 0 else { return }
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
        descriptor = -1
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let wanted = min(bytes.count - done, 1 << 30)
            #if canImport(Glibc)
                let put = unsafe Glibc.write(
                    descriptor, bytes.baseAddress?.advanced(by: done), wanted)
            #else
                let put = unsafe Darwin.write(
                    descriptor, bytes.baseAddress?.advanced(by: done), wanted)
            #endif
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else {
                throw SystemError.file(name, expected: "room for \(bytes.count) bytes")
            }
            done += put
        }
    }

    deinit {
        if descriptor >= 0 {
            #if canImport(Glibc)
                _ = Glibc.close(descriptor)
            #else
                _ = Darwin.close(descriptor)
            #endif
        }
    }
}
