#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A directory of one person's own files: 0700, and 0600 the files in it.
///
/// Modes that are wider are put right. What belongs to somebody else, or is a symbolic link, is
/// refused: who may write beside a file could else choose what is read or overwritten.
public struct PrivateDirectory: Sendable {
    public let path: String

    /// Opens the directory and makes it, with those above it, when it is missing.
    ///
    /// - Throws: `FileError` when it is none, a link, somebody else's, or cannot be made.
    public init(at path: String) throws {
        self.path = path
        if FilePath.kind(of: path) == .missing {
            let above = FilePath.directory(of: path)
            if above != path { try FilePath.createDirectory(above, mode: 0o700) }
            guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw SystemError.file(path, expected: "a directory that can be made")
            }
        }
        try Self.secure(path, kind: mode_t(S_IFDIR), name: "a directory", mode: 0o700)
    }

    /// The path of a file in the directory, which is made private if it is there already.
    ///
    /// - Throws: `FileError` when it is no regular file, a link, or somebody else's.
    public func file(_ name: String) throws -> String {
        let file = FilePath.join(path, name)
        var status = stat()
        if unsafe lstat(file, &status) != 0 && errno == ENOENT { return file }
        try Self.secure(file, kind: mode_t(S_IFREG), name: "a file", mode: 0o600)
        return file
    }

    private static func secure(_ path: String, kind: mode_t, name: String, mode: mode_t) throws {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            throw SystemError.file(path, expected: "\(name) that can be read")
        }
        let found = mode_t(status.st_mode) & mode_t(S_IFMT)
        guard found == kind else {
            throw FileError(
                path, expected: name,
                found: found == mode_t(S_IFLNK) ? "a symbolic link" : "something else")
        }
        guard status.st_uid == geteuid() else {
            throw FileError(path, expected: "\(name) of your own", found: "somebody else's")
        }
        guard mode_t(status.st_mode) & 0o7777 != mode else { return }
        guard unsafe chmod(path, mode) == 0 else {
            throw SystemError.file(path, expected: "\(name) that can be made private")
        }
    }
}
