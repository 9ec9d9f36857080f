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
    /// The program itself, in bytes.
    private let filesAtStart: Int
    private let state = Mutex(State())

    private struct State {
        /// Bytes of arrays that lie in memory.
        var held = 0
        /// Starts and sizes of the arrays that lie in files.
        var mapped: [UInt: Int] = [:]
        var failure: FileError?
    }

    public init(budget: Int?) {
        self.budget = budget
        filesAtStart = budget == nil ? 0 : Machine.residentBytes.ofFiles
    }

    /// Why an array that should have been in a file had to be in memory; nil when none had to.
    public var failure: FileError? { state.withLock(\.failure) }

    /// How much of an array that may be in a file is gone through in any order at a time, in bytes.
    public var window: Int { budget.map { max(1 << 14, $0 / 8) } ?? .max }

    /// A file that holds an array: without a name, and with its bytes as they are needed.
    final class File {
        fileprivate var descriptor: Int32
        /// Bytes that the file has room for.
        fileprivate(set) var size = 0
        /// Whether the disk was full, so that memory takes the rest.
        fileprivate(set) var isFull = false

        fileprivate init(descriptor: Int32) { self.descriptor = descriptor }

        /// Says that it gets no larger.
        func finish() {
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }

        deinit { finish() }
    }

    /// Zeros for an array: from a file when they would be too much for the memory. An array that is small for the
    /// budget is always in memory. `provide` must be called before a file's bytes are touched.
    func reserve(byteCount: Int) -> (memory: UnsafeMutableRawBufferPointer, file: File?) {
        if let budget, byteCount > budget / 64 {
            let fits = state.withLock { state in
                guard state.held + byteCount <= budget / 8 else { return false }
                state.held += byteCount
                return true
            }
            if fits { return unsafe (LargePages.zeros(byteCount: byteCount), nil) }
            do {
                return unsafe try mapped(byteCount)
            } catch {
                state.withLock {
                    $0.failure = $0.failure ?? error
                    $0.held += byteCount
                }
            }
        }
        return unsafe (LargePages.zeros(byteCount: byteCount), nil)
    }

    private func mapped(_ size: Int) throws(FileError) -> (UnsafeMutableRawBufferPointer, File) {
        let folder = FilePath.temporaryDirectory
        let name = FilePath.join(folder, "choroy-\(getpid())-\(UInt64.random(in: 0 ... .max))")
        let descriptor = unsafe open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SystemError.file(folder, expected: "a directory for temporary files")
        }
        let file = File(descriptor: descriptor)
        unsafe unlink(name)
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw SystemError.file(folder, expected: "room for \(size) bytes")
        }
        let place = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let place = unsafe place, unsafe place != MAP_FAILED else {
            throw SystemError.file(folder, expected: "a file that can be mapped")
        }
        state.withLock { $0.mapped[UInt(bitPattern: place)] = size }
        return unsafe (UnsafeMutableRawBufferPointer(start: place, count: size), file)
    }

    /// Sees to it that the first `size` bytes of an array have room: a page without its block on the disk would end
    /// the process when the disk is full. Where there is no room, memory takes the rest.
    func provide(_ size: Int, of file: File, _ memory: UnsafeMutableRawBufferPointer) {
        if size <= file.size || file.isFull { return }
        #if canImport(Glibc)
            // Some more than is asked for, so that it is asked for less often.
            let end = min(memory.count, max(size, file.size + 1 << 24))
            let error = posix_fallocate(
                file.descriptor, off_t(file.size), off_t(end - file.size))
            if error == 0 {
                file.size = end
                return
            }
            errno = error
            let failure = SystemError.file(
                FilePath.temporaryDirectory, expected: "room for temporary files")
            let page = Int(sysconf(Int32(_SC_PAGESIZE)))
            let start = file.size / page * page
            guard let base = memory.baseAddress else { return }
            // Only what is in the file may be given back from now on.
            state.withLock { state in
                state.failure = state.failure ?? failure
                state.mapped[UInt(bitPattern: base)] = start
                state.held += size - start
            }
            // What the file has of the first page stays.
            let kept = unsafe Array(
                UnsafeRawBufferPointer(start: base + start, count: file.size - start))
            let place = unsafe mmap(
                base + start, memory.count - start, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANON | MAP_FIXED | MAP_NORESERVE, -1, 0)
            guard unsafe place == base + start else {
                OutOfMemory.end(byteCount: memory.count - start)
            }
            for (index, byte) in kept.enumerated() {
                unsafe (base + start).storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
            file.isFull = true
        #else
            file.size = size
        #endif
    }

    /// Takes back what `reserve` gave.
    func free(_ memory: UnsafeMutableRawBufferPointer, _ file: File?) {
        let start = UInt(bitPattern: memory.baseAddress)
        if file != nil {
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

    /// Gives back the pages of files when the process holds more than three quarters of the budget, and enough of it in
    /// files. Long loops over large arrays call it now and then.
    public func relieve() {
        guard let budget else { return }
        let (resident, ofFiles) = Machine.residentBytes
        if resident < budget / 4 * 3 || ofFiles < filesAtStart + budget / 8 { return }
        state.withLock { state in
            for (start, size) in state.mapped where size > 0 {
                unsafe madvise(UnsafeMutableRawPointer(bitPattern: start), size, MADV_DONTNEED)
            }
        }
    }
}
