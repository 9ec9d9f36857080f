import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The streams of the process: results on standard output, all else on standard error.
enum StandardStreams {
    /// Nobody reads standard output any more; the command ends quietly.
    struct ReaderIsGone: Error {}

    static var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }
    static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether the terminal is said to know no cursor movements and no styles.
    static var terminalIsDumb: Bool {
        guard let value = unsafe getenv("TERM") else { return true }
        let name = unsafe String(cString: value)
        return name.isEmpty || name == "dumb"
    }

    /// Columns of the terminal behind standard error, 80 when it does not say.
    static var columns: Int { errorWindowSize.columns }

    /// Columns and rows of the terminal behind standard error, 80 and 24 when it does not say.
    static var errorWindowSize: (columns: Int, rows: Int) { size(of: STDERR_FILENO) }

    /// Columns and rows of the terminal behind standard output, else of that behind standard error;
    /// 80 and 24 when it does not say.
    static var windowSize: (columns: Int, rows: Int) {
        size(of: outputIsTerminal ? STDOUT_FILENO : STDERR_FILENO)
    }

    private static func size(of descriptor: Int32) -> (columns: Int, rows: Int) {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return (80, 24) }
        return (
            size.ws_col > 0 ? Int(size.ws_col) : 80, size.ws_row > 0 ? Int(size.ws_row) : 24
        )
    }

    /// Whether `NO_COLOR` asks for text without styles (https://no-color.org).
    static var refusesColor: Bool {
        guard let value = unsafe getenv("NO_COLOR") else { return false }
        return unsafe value.pointee != 0
    }

    /// Makes a write to a closed pipe, or beyond the largest size that files may have (`ulimit -f`),
    /// an error instead of the end of the process.
    static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGXFSZ, SIG_IGN)
    }

    /// Some bytes of standard input: nil when none come within `seconds` or a signal comes, none at
    /// its end, to which belongs a terminal that has gone.
    static func readInput(within seconds: Double) throws -> [UInt8]? {
        var request = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&request, 1, Int32(seconds * 1000)) > 0 else { return nil }
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe piece.withUnsafeMutableBytes { bytes in
            unsafe read(STDIN_FILENO, bytes.baseAddress, bytes.count)
        }
        if count < 0 && (errno == EINTR || errno == EAGAIN) { return nil }
        if count < 0 && errno == EIO { return [] }
        guard count >= 0 else {
            throw SystemError.file("standard input", expected: "input that can be read")
        }
        return Array(piece[..<count])
    }

    /// Writes bytes to standard output exactly as they are.
    ///
    /// - Throws: `ReaderIsGone` for a closed pipe, `FileError` for any other failure.
    static func write(_ bytes: some Collection<UInt8>) throws {
        guard let number = put(Array(bytes), to: STDOUT_FILENO) else { return }
        if number == EPIPE { throw ReaderIsGone() }
        throw FileError(
            "standard output", expected: "room for \(bytes.count) bytes",
            found: SystemError.message(number))
    }

    /// Writes a line to standard output.
    static func printLine(_ line: String) throws { try write("\(line)\n".utf8) }

    /// Writes a line to standard error; on a terminal without what could control it.
    static func note(_ line: String) {
        let line = errorIsTerminal ? TerminalText.visible(line) : line
        noteExactly("\(line)\n")
    }

    /// Writes our own words to standard error, styles and cursor movements included.
    static func noteExactly(_ text: String) { _ = put(Array(text.utf8), to: STDERR_FILENO) }

    /// Writes all bytes; gives the error's number, or nil when all went well.
    private static func put(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                #if canImport(Glibc)
                    let count = unsafe Glibc.write(
                        descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
                #else
                    let count = unsafe Darwin.write(
                        descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
                #endif
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return errno }
                done += count
            }
            return nil
        }
    }
}
