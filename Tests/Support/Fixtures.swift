import ChoroySystem
public import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Files that tests read or write.
public enum Fixtures {
    /// The folder that holds `Package.swift`.
    public static let packageRoot: String = {
        var path = #filePath
        while path != "/" && FilePath.kind(of: FilePath.join(path, "Package.swift")) != .file {
            path = FilePath.directory(of: path)
        }
        return path
    }()

    /// Whether `make test-all` asks for the long checks too.
    public static let runsAll = unsafe getenv("CHOROY_TEST_ALL") != nil

    /// `../shared/data/NAME` beside the checkout; nil when it is absent.
    public static func shared(_ name: String) -> String? {
        let path = FilePath.join(FilePath.directory(of: packageRoot), "shared/data/\(name)")
        return FilePath.kind(of: path) == .missing ? nil : path
    }

    /// Calls `body` with an empty directory and removes it afterwards.
    public static func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws
        -> Result
    {
        let name = "choroy-test-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        let path = FilePath.join("/tmp", name)
        try FilePath.createDirectory(path)
        defer { try? FilePath.remove(path) }
        return try body(path)
    }
}

/// What tests that need the shared data say when it is absent.
public let sharedDataIsAbsent: Comment = "skipped: ../shared/data is not beside this checkout"
