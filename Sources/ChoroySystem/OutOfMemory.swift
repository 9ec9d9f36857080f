#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The end of a process that the system gives no more memory.
enum OutOfMemory {
    /// Says so on standard error and ends the process with exit code 1, the terminal as it was.
    ///
    /// Arrays cannot be made without memory, and what was begun cannot be ended: no caller could do better. Files are
    /// written under other names until they are whole, so none is lost.
    static func end(byteCount: Int) -> Never {
        let error = FileError(
            "memory", expected: "\(byteCount) bytes more from the system",
            found: "that it gives no more (ulimit -v, or what other programs hold)")
        var line = Array("choroy: \(error)\n".utf8)
        unsafe line.withUnsafeMutableBytes { bytes in
            _ = unsafe write(2, bytes.baseAddress, bytes.count)
        }
        exit(1)
    }
}
