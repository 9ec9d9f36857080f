#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Questions about paths, and the few directory operations that Choroy needs.
public enum FilePath {
    public enum Kind: Sendable { case missing, file, directory, other }

    public static func kind(of path: String) -> Kind {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return .missing }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .directory
        default: return .other
        }
    }

    /// Size in bytes of a file, nil when it cannot be asked.
    public static func size(of path: String) -> Int? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Int(status.st_size)
    }

    /// When the content of a file changed last, in seconds since 1970; nil when it cannot be asked.
    public static func modificationTime(of path: String) -> Double? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        #if canImport(Glibc)
            let time = status.st_mtim
        #else
            let time = status.st_mtimespec
        #endif
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Whether both paths lead to one and the same file.
    public static func isSameFile(_ a: String, _ b: String) -> Bool {
        var (first, second) = (stat(), stat())
        guard unsafe stat(a, &first) == 0, unsafe stat(b, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// Waits until the content of a file is on the disk.
    public static func sync(_ path: String) throws {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError.file(path, expected: "a readable file") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw SystemError.file(path, expected: "a disk that keeps what is written")
        }
    }

    /// The same place from the root on, without links; `path` itself when there is no such place.
    public static func absolute(_ path: String) -> String {
        guard let resolved = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// Where large temporary files go: `TMPDIR`, else /var/tmp, which is on a disk where /tmp may be memory.
    public static var temporaryDirectory: String {
        if let path = unsafe getenv("TMPDIR") { return unsafe String(cString: path) }
        return kind(of: "/var/tmp") == .directory ? "/var/tmp" : "/tmp"
    }

    /// The directory part of a path, "." for a bare name.
    public static func directory(of path: String) -> String {
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    /// The last part of a path.
    public static func name(of path: String) -> String {
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        guard let slash = trimmed.lastIndex(of: "/") else { return trimmed }
        return String(trimmed[trimmed.index(after: slash)...])
    }

    public static func join(_ directory: String, _ name: String) -> String {
        directory.isEmpty
            ? name : directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    }

    /// Makes a directory and those above it.
    public static func createDirectory(_ path: String, mode: UInt32 = 0o755) throws {
        switch kind(of: path) {
        case .directory: return
        case .file, .other: throw FileError(path, expected: "a directory", found: "a file")
        case .missing: break
        }
        let above = directory(of: path)
        if above != path { try createDirectory(above, mode: mode) }
        guard unsafe mkdir(path, mode_t(mode)) == 0 || errno == EEXIST else {
            throw SystemError.file(path, expected: "a directory that can be made")
        }
    }

    /// Names in a directory, sorted by their bytes, without "." and "..".
    public static func list(_ path: String) throws -> [String] {
        guard let stream = unsafe opendir(path) else {
            throw SystemError.file(path, expected: "a directory that can be read")
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Removes a file, or a directory with all that is in it; a missing path is fine.
    public static func remove(_ path: String) throws {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in try list(path) { try remove(join(path, name)) }
            guard unsafe rmdir(path) == 0 else {
                throw SystemError.file(path, expected: "a directory that can be removed")
            }
        } else if unsafe unlink(path) != 0 {
            throw SystemError.file(path, expected: "a file that can be removed")
        }
    }

    public static func rename(_ old: String, to new: String) throws {
        #if canImport(Glibc)
            let result = unsafe Glibc.rename(old, new)
        #else
            let result = unsafe Darwin.rename(old, new)
        #endif
        guard result == 0 else { throw SystemError.file(new, expected: "a name that can be taken") }
    }
}
