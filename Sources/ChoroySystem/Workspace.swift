import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The memory that a piece of work may take; large arrays beyond it lie in temporary files that have no name.
///
/// Pages of such a file count as the process's memory from their first touch on until `relieve` gives them back;
/// what was written stays in the file, and comes again when it is asked for.
@safe public final class Workspace: Sendable {
    /// As much as there is.
    public static let unlimited = Workspace(budget: nil)

    /// In bytes; nil for no limit.
    public let budget: Int?
    private let state = Mutex(State())

    private struct State {
        /// Bytes of arrays that lie in memory.
        var held = 0
        /// Starts and sizes of the arrays that lie in files.
        var mapped: [UInt: Int] = [:]
        var failure: FileError?
    }

    public init(budget: Int?) { self.budget = budget }

    /// Why an array that should have been in a file had to be in memory; nil when none had to.
    public var failure: FileError? { state.withLock(\.failure) }

    /// Zeros for an array: from a file when they would be too much for the memory. An array that is small for the
    /// budget is always in memory.
    func zeros(byteCount: Int) -> (memory: UnsafeMutableRawBufferPointer, isInFile: Bool) {
        if let budget, byteCount > budget / 64 {
            let fits = state.withLock { state in
                guard state.held + byteCount <= budget / 4 else { return false }
                state.held += byteCount
                return true
            }
            if fits { return unsafe (LargePages.zeros(byteCount: byteCount), false) }
            do {
                return unsafe (try mapped(byteCount), true)
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
            state.withLock { $0.held += byteCount }
        }
        return unsafe (LargePages.zeros(byteCount: byteCount), false)
    }

    private func mapped(_ size: Int) throws(FileError) -> UnsafeMutableRawBufferPointer {
        let folder = FilePath.temporaryDirectory
        let name = FilePath.join(folder, "choroy-\(getpid())-\(UInt64.random(in: 0 ... .max))")
        let descriptor = unsafe open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SystemError.file(folder, expected: "a directory for temporary files")
        }
        defer { close(descriptor) }
        unsafe unlink(name)
        // Without its blocks a file would end the process when the disk is full.
        #if canImport(Glibc)
            let error = posix_fallocate(descriptor, 0, off_t(size))
            if error != 0 { errno = error }
        #else
            let error = ftruncate(descriptor, off_t(size))
        #endif
        guard error == 0 else {
            throw SystemError.file(folder, expected: "room for \(size) bytes")
        }
        let place = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let place = unsafe place, unsafe place != MAP_FAILED else {
            throw SystemError.file(folder, expected: "a file that can be mapped")
        }
        state.withLock { $0.mapped[UInt(bitPattern: place)] = size }
        return unsafe UnsafeMutableRawBufferPointer(start: place, count: size)
    }

    /// Takes back what `zeros` gave.
    func free(_ memory: UnsafeMutableRawBufferPointer, isInFile: Bool) {
        let start = UInt(bitPattern: memory.baseAddress)
        if isInFile {
            state.withLock { state in
                state.mapped[start] = nil
                unsafe munmap(memory.baseAddress, memory.count)
            }
        } else {
            unsafe LargePages.free(memory)
            if let budget, memory.count > budget / 64 {
                state.withLock { $0.held -= memory.count }
            }
        }
    }

    /// Gives back the pages of files when the process holds more than three quarters of the budget. Long loops over large
    /// arrays call it now and then.
    public func relieve() {
        guard let budget, Machine.residentBytes > budget / 4 * 3 else { return }
        state.withLock { state in
            for (start, size) in state.mapped {
                unsafe madvise(UnsafeMutableRawPointer(bitPattern: start), size, MADV_DONTNEED)
            }
        }
    }
}
