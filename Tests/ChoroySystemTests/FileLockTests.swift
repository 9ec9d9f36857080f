import ChoroySystem
import TestSupport
import Testing

@Suite struct `File lock` {
    @Test func `one holder at a time`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "lock")
            let lock = try FileLock(path: path)
            #expect(throws: FileError.self) { try FileLock(path: lock.path) }
        }
    }

    /// A descriptor closed twice takes away a file that another thread has opened in between.
    @Test func `a refused lock closes nothing but its own file`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "lock")
            let content = FilePath.join(directory, "content")
            try AtomicFile.write([UInt8](repeating: 7, count: 100), to: content)
            let lock = try FileLock(path: path)
            let failures = Counter()
            ThreadPool.shared.run(400) { index in
                if index.isMultiple(of: 2) {
                    for _ in 0..<20 { _ = try? FileLock(path: lock.path, patience: 0) }
                } else {
                    for attempt in 0..<20 {
                        // A new file each time: a child that another test forks may hold an old
                        // lock until it runs its program.
                        let other = try? FileLock(
                            path: FilePath.join(directory, "\(index)-\(attempt)"))
                        if other == nil { failures.add() }
                        if (try? FileBytes.read(content).count) != 100 { failures.add() }
                    }
                }
            }
            #expect(failures.value == 0)
        }
    }
}
