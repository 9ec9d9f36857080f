#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A program that reads standard input and writes standard output, such as a compressor.
public struct FilterProgram: Sendable {
    public let path: String
    private let arguments: [String]

    /// The program of this name in a directory of `PATH`; nil when there is none.
    public init?(named name: String, arguments: [String]) {
        let directories = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
        let paths = directories.split(separator: ":").map { FilePath.join(String($0), name) }
        guard
            let path = paths.first(where: {
                unsafe access($0, X_OK) == 0 && FilePath.kind(of: $0) == .file
            })
        else { return nil }
        self.path = path
        self.arguments = [name] + arguments
    }

    /// How many bytes it writes when it reads what `pieces` hold one after another.
    ///
    /// The process must ignore `SIGPIPE`, as the command does: the program may stop reading.
    /// - Throws: `FileError` when it cannot be run or fails.
    public func outputSize(of pieces: [ArraySlice<UInt8>]) throws -> Int {
        let input = try Pipe()
        defer { input.close() }
        let output = try Pipe()
        defer { output.close() }
        let process = try spawn(input, output)
        input.closeReading()
        output.closeWriting()
        defer { input.closeWriting() }
        let size = Self.exchange(pieces, input, output)
        input.closeWriting()
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
        guard status == 0, let size else {
            // The low byte tells a signal, the next one the exit code.
            let end =
                status & 0x7F != 0
                ? "signal \(status & 0x7F)"
                : status == 0
                    ? "one that does not read to the end" : "exit code \(status >> 8 & 0xFF)"
            throw FileError(path, expected: "a program that ends well", found: end)
        }
        return size
    }

    private func spawn(_ input: Pipe, _ output: Pipe) throws -> pid_t {
        #if canImport(Glibc)
            var actions = unsafe posix_spawn_file_actions_t()
        #else
            var actions: posix_spawn_file_actions_t? = nil
        #endif
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input.reading, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
        var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var process: pid_t = 0
        let number = unsafe posix_spawn(&process, path, &actions, nil, &words, environ)
        guard number == 0 else {
            throw FileError(
                path, expected: "a program that can be run", found: SystemError.message(number))
        }
        return process
    }

    /// Writes and reads in turns, as the program is ready for either; gives the bytes read, nil after an error.
    private static func exchange(_ pieces: [ArraySlice<UInt8>], _ input: Pipe, _ output: Pipe)
        -> Int?
    {
        var rest = pieces.filter { !$0.isEmpty }[...]
        var done = 0
        var size = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        _ = fcntl(input.writing, F_SETFL, O_NONBLOCK)
        while true {
            if rest.isEmpty { input.closeWriting() }
            var requests = [pollfd(fd: output.reading, events: Int16(POLLIN), revents: 0)]
            if !rest.isEmpty {
                requests.append(pollfd(fd: input.writing, events: Int16(POLLOUT), revents: 0))
            }
            guard unsafe poll(&requests, nfds_t(requests.count), -1) >= 0 else {
                if errno == EINTR { continue }
                return nil
            }
            if requests.count == 2, requests[1].revents != 0, let piece = rest.first {
                let count = unsafe piece.withUnsafeBytes { bytes in
                    unsafe write(
                        input.writing, bytes.baseAddress?.advanced(by: done),
                        min(1 << 16, bytes.count - done))
                }
                if count < 0 && errno != EAGAIN && errno != EINTR { return nil }
                done += max(0, count)
                if done == piece.count {
                    rest.removeFirst()
                    done = 0
                }
            }
            guard requests[0].revents != 0 else { continue }
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe read(output.reading, bytes.baseAddress, bytes.count)
            }
            if count == 0 { return rest.isEmpty ? size : nil }
            if count < 0 && errno != EINTR { return nil }
            size += max(0, count)
        }
    }
}

/// Two descriptors, each closed once.
private final class Pipe {
    private(set) var reading: Int32 = -1
    private(set) var writing: Int32 = -1

    init() throws {
        var descriptors: [Int32] = [0, 0]
        guard unsafe pipe(&descriptors) == 0 else {
            throw SystemError.file("a pipe", expected: "two descriptors")
        }
        // No other process that is started meanwhile is to hold them open.
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (descriptors[0], descriptors[1])
    }

    func closeReading() { Self.close(&reading) }
    func closeWriting() { Self.close(&writing) }

    func close() {
        closeReading()
        closeWriting()
    }

    private static func close(_ descriptor: inout Int32) {
        #if canImport(Glibc)
            if descriptor >= 0 { _ = Glibc.close(descriptor) }
        #else
            if descriptor >= 0 { _ = Darwin.close(descriptor) }
        #endif
        descriptor = -1
    }
}
