import ChoroySystem
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `A program as a filter` {
    private static let text: [UInt8] = {
        var random = SeededRandom(seed: 3)
        return (0..<3_000_000).map { _ in UInt8(97 + random.below(4)) }
    }()

    @Test func `what it writes is counted, however much that is`() throws {
        let cat = try #require(FilterProgram(named: "cat", arguments: []))
        #expect(try cat.outputSize(of: []) == 0)
        #expect(
            try cat.outputSize(of: [Self.text[..<0], Self.text[..<7], [], Self.text[...]])
                == 3_000_007)
        let head = try #require(FilterProgram(named: "tail", arguments: ["-c", "5"]))
        #expect(try head.outputSize(of: [Self.text[...]]) == 5)
    }

    @Test func `one that fails or stops reading is an error, one that is not there is nil`() throws
    {
        signal(SIGPIPE, SIG_IGN)
        let failing = try #require(FilterProgram(named: "false", arguments: []))
        #expect(throws: FileError.self) { try failing.outputSize(of: [Self.text[...]]) }
        #expect(throws: FileError.self) { try failing.outputSize(of: []) }
        let three = try #require(FilterProgram(named: "sh", arguments: ["-c", "exit 3"]))
        let error = #expect(throws: FileError.self) { try three.outputSize(of: []) }
        #expect(error?.description.contains("found exit code 3") == true)
        #expect(FilterProgram(named: "no-such-program-here", arguments: []) == nil)
    }

    @Test func `gzip's size is about that of four letters at random`() throws {
        let size = try GzipSize.measure([Self.text[..<1_000_000], Self.text[1_000_000...]])
        // Two bits a letter, and little more.
        #expect((750_000..<900_000).contains(size))
        #expect(try GzipSize.measure([Self.text[...]]) == size)
        #expect((18..<40).contains(try GzipSize.measure([])))
        if let gzip = FilterProgram(named: "gzip", arguments: ["-9", "-n", "-c"]) {
            let theirs = try gzip.outputSize(of: [Self.text[...]])
            #expect(abs(Double(size) / Double(theirs) - 1) < 0.02)
        }
    }
}
