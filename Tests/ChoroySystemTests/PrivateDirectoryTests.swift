import ChoroySystem
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `Private directories` {
    private func mode(_ path: String) -> mode_t {
        var status = stat()
        unsafe lstat(path, &status)
        return mode_t(status.st_mode) & 0o7777
    }

    @Test func `are made for their owner alone, and put right`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "a/b")
            let home = try PrivateDirectory(at: path)
            #expect(mode(path) == 0o700)
            let file = try home.file("notes")
            #expect(FilePath.kind(of: file) == .missing)
            try AtomicFile.write([1], to: file)
            unsafe chmod(path, 0o755)
            #expect(try PrivateDirectory(at: path).file("notes") == file)
            #expect(mode(path) == 0o700 && mode(file) == 0o600)
        }
    }

    @Test func `refuse links and what is something else`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let home = try PrivateDirectory(at: FilePath.join(directory, "home"))
            unsafe symlink("/etc/passwd", FilePath.join(home.path, "link"))
            unsafe symlink(home.path, FilePath.join(directory, "home-link"))
            try FilePath.createDirectory(FilePath.join(home.path, "folder"))
            try AtomicFile.write([1], to: FilePath.join(directory, "file"))
            #expect(throws: FileError.self) { try home.file("link") }
            #expect(throws: FileError.self) { try home.file("folder") }
            for name in ["home-link", "file", "file/below"] {
                #expect(throws: FileError.self) {
                    try PrivateDirectory(at: FilePath.join(directory, name))
                }
            }
        }
    }
}
