import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Lines of standard input, interruptible while it waits.
struct LineReader {
    private var buffer: [UInt8] = []
    private var isAtEnd = false

    /// Bytes a line may have.
    private static let limit = 1 << 24

    /// The next line without its end, the end of the input, or a request to stop.
    ///
    /// After an interrupt what was typed of the line is dropped, as terminals do.
    mutating func next() throws -> LineEvent {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeSubrange(...end) }
                return .line(Self.text(buffer[..<end]))
            }
            if isAtEnd {
                defer { buffer = [] }
                return buffer.isEmpty ? .end : .line(Self.text(buffer[...]))
            }
            if Interrupts.requested {
                buffer = []
                return .interrupted
            }
            guard buffer.count < Self.limit else {
                throw FileError(
                    "standard input", expected: "lines of at most \(Self.limit) bytes",
                    found: "a longer one")
            }
            try read()
        }
    }

    /// Adds what has come within a tenth of a second; the loop then looks at the signals again.
    private mutating func read() throws {
        var request = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&request, 1, 100) > 0 else { return }
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe piece.withUnsafeMutableBytes { bytes in
            #if canImport(Glibc)
                unsafe Glibc.read(STDIN_FILENO, bytes.baseAddress, bytes.count)
            #else
                unsafe Darwin.read(STDIN_FILENO, bytes.baseAddress, bytes.count)
            #endif
        }
        if count < 0 && (errno == EINTR || errno == EAGAIN) { return }
        guard count >= 0 else {
            throw SystemError.file("standard input", expected: "input that can be read")
        }
        isAtEnd = count == 0
        buffer += piece[..<count]
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let line = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        return String(decoding: line, as: UTF8.self)
    }
}
