import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file of our own in the address space, read at any place without a call of the system.
///
/// Only for files that we wrote and whose hash was checked: one that another program cuts short
/// meanwhile ends the process. What has been read does not stay in memory: after some 32 MB the pages
/// are given back (they remain in the system's cache, which is nobody's memory).
@safe public final class MappedFile: @unchecked Sendable {
    public let size: Int
    /// Never written; unmapped with the object.
    private let base: UnsafeMutableRawPointer?
    private let touched = Atomic<Int>(0)

    /// - Parameter readsAhead: Whether what lies around a place is wanted soon: then a file that is not in the system's
    ///   cache comes in larger pieces.
    /// - Throws: `FileError` when `path` cannot be read or mapped.
    public init(path: String, readsAhead: Bool = false) throws {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError.file(path, expected: "a readable file") }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw SystemError.file(path, expected: "a readable file")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileError(path, expected: "a file", found: "none")
        }
        size = Int(status.st_size)
        guard size > 0 else {
            unsafe base = nil
            return
        }
        let place = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let place = unsafe place, unsafe place != MAP_FAILED else {
            throw SystemError.file(path, expected: "a file that can be mapped")
        }
        unsafe base = place
        if !readsAhead { unsafe madvise(place, size, MADV_RANDOM) }
    }

    deinit {
        if let base = unsafe base { unsafe munmap(base, size) }
    }

    /// Gives `body` the bytes of `range`.
    ///
    /// - Precondition: they are in the file.
    public func withBytes<Result>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= size, "\(range) of \(size) bytes")
        let result = try unsafe body(
            UnsafeRawBufferPointer(
                start: base?.advanced(by: range.lowerBound), count: range.count))
        // The system maps up to 64 KB around a place that is read.
        let (_, sum) = touched.add(range.count + 1 << 16, ordering: .relaxed)
        if sum > 1 << 25 { release() }
        return result
    }

    /// The number that lies at byte `place`.
    public func number<Number: FixedWidthInteger & BitwiseCopyable>(
        at place: Int, as type: Number.Type = Number.self
    ) -> Number {
        unsafe withBytes(place..<place + MemoryLayout<Number>.size) {
            Number(littleEndian: unsafe $0.loadUnaligned(as: Number.self))
        }
    }

    /// Where the byte `place` lies, for as long as the object lives. Pages read through it stay in memory.
    ///
    /// - Precondition: `count` bytes from there on are in the file.
    public func pointer(at place: Int, count: Int) -> UnsafeRawPointer {
        precondition(
            place >= 0 && count >= 0 && count <= size - place,
            "\(count) bytes at \(place) of \(size)")
        guard let base = unsafe base else { preconditionFailure("an empty file") }
        return unsafe UnsafeRawPointer(base.advanced(by: place))
    }

    /// Maps all pages now, so that none is met for the first time later; what is not in the system's cache is read. Where
    /// the system cannot, and in a file that memory may not hold, they are met one by one.
    public func populate() {
        guard let base = unsafe base, size < Machine.memoryBytes / 2 else { return }
        #if canImport(Glibc)
            // MADV_POPULATE_READ, which older headers do not have; older systems refuse it.
            unsafe madvise(base, size, 22)
        #else
            unsafe madvise(base, size, MADV_WILLNEED)
        #endif
    }

    /// Gives the pages back that have been read.
    public func release() {
        touched.store(0, ordering: .relaxed)
        if let base = unsafe base { unsafe madvise(base, size, MADV_DONTNEED) }
    }
}
