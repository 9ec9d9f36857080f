import ChoroySystem
import TestSupport
import Testing

@Suite struct `Atomic files` {
    @Test func `a failed write leaves the old file`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "file")
            try AtomicFile.write(Array("old".utf8), to: path)
            #expect(throws: FileError.self) {
                try AtomicFile.write(to: path) { file in
                    try file.append("new")
                    throw FileError(path, expected: "luck", found: "none")
                }
            }
            #expect(try FileBytes.read(path) == Array("old".utf8))
            #expect(try FilePath.list(directory) == ["file"])
        }
    }

    @Test func `a full device is an error with the system's words`() {
        #expect(throws: FileError.self) {
            try AtomicFile.write([UInt8](repeating: 0, count: 1 << 21), to: "/dev/full")
        }
    }

    @Test func `missing files and directories are named`() {
        #expect(
            throws: FileError(
                "/nowhere", expected: "a readable file", found: "no such file or directory")
        ) {
            try FileBytes.read("/nowhere")
        }
        #expect(throws: FileError("/tmp", expected: "a file", found: "a directory")) {
            try FileBytes.read("/tmp")
        }
    }
}
