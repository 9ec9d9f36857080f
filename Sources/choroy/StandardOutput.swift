import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The two streams of the process, for exact bytes and for lines beside the result.
enum StandardOutput {
    /// Writes `bytes` to standard output.
    ///
    /// - Throws: `FileError` when they cannot be written.
    static func write(_ bytes: some Collection<UInt8>) throws {
        try write(Array(bytes), to: STDOUT_FILENO)
    }

    /// Writes a line to standard error, where all that is not the result goes.
    static func note(_ line: String) { try? write(Array((line + "\n").utf8), to: STDERR_FILENO) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        try unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                #if canImport(Glibc)
                    let put = unsafe Glibc.write(
                        descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
                #else
                    let put = unsafe Darwin.write(
                        descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
                #endif
                if put < 0 && errno == EINTR { continue }
                guard put > 0 else {
                    throw SystemError.file("standard output", expected: "a reader")
                }
                done += put
            }
        }
    }
}
