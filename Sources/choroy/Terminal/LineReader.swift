import ChoroySystem

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

    /// Adds what comes within a tenth of a second; the loop then looks at the signals again.
    private mutating func read() throws {
        guard let piece = try StandardStreams.readInput(within: 0.1) else { return }
        isAtEnd = piece.isEmpty
        buffer += piece
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let line = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
        return String(decoding: line, as: UTF8.self)
    }
}
