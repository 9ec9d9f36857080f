#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A lock that one holder at a time can have; it ends with this value or with the process.
public final class FileLock: Sendable {
    public let path: String
    private let descriptor: Int32

    /// Takes the lock that the file at `path` stands for; the file is made if it is missing.
    ///
    /// A holder that goes away within `patience` seconds does not count: a process that is ending, or a
    /// child that has been forked and not yet begun its program.
    /// - Throws: `FileError` when another holder has it, with that holder's process id.
    public init(path: String, patience: Double = 0.25) throws {
        self.path = path
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode_t(0o644))
        guard descriptor >= 0 else {
            throw SystemError.file(path, expected: "a file that can be locked")
        }
        let end = Machine.now() + patience
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let reason = errno
            if reason == EINTR { continue }
            if reason == EWOULDBLOCK && Machine.now() < end {
                usleep(5_000)
                continue
            }
            // All properties are set, so the throw ends in `deinit`, which closes.
            throw FileError(
                path, expected: "a lock that nobody holds",
                found: reason == EWOULDBLOCK ? Self.holder(path) : SystemError.message(reason))
        }
        let note = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        // The note serves messages only, so a full disk is no reason to fail.
        _ = unsafe note.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    deinit { close(descriptor) }

    private static func holder(_ path: String) -> String {
        let note = (try? FileBytes.read(path, limit: 32)) ?? []
        let digits = String(decoding: note.prefix { 48...57 ~= $0 }, as: UTF8.self)
        return digits.isEmpty ? "another process at work" : "process \(digits) at work"
    }
}
