#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Memory in pages of 2 MB, where the system has them: the first touch of each page costs the system
/// much more than the writing, and there are five hundred times fewer.
public enum LargePages {
    private static let page = 1 << 21

    /// Memory of zeros, in large pages when it fills some; `free` gives it back.
    public static func zeros(byteCount: Int) -> UnsafeMutableRawBufferPointer {
        // What is never touched costs nothing.
        let size = byteCount + page
        let memory = unsafe mmap(
            nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            OutOfMemory.end(byteCount: byteCount)
        }
        let start = unsafe memory.alignedUp(toMultipleOf: page)
        // Only whole areas can be given back, so what lies around is given back now.
        if unsafe start > memory { unsafe munmap(memory, start - memory) }
        let end = unsafe start + (byteCount + 4095) / 4096 * 4096
        if unsafe end < memory + size { unsafe munmap(end, memory + size - end) }
        #if canImport(Glibc)
            if byteCount >= page { unsafe madvise(start, byteCount / page * page, MADV_HUGEPAGE) }
        #endif
        return unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    /// Gives back memory of `zeros`.
    public static func free(_ memory: UnsafeMutableRawBufferPointer) {
        guard let base = memory.baseAddress else { return }
        unsafe munmap(base, (memory.count + 4095) / 4096 * 4096)
    }

    /// Asks for large pages for memory that is about to be filled for the first time.
    public static func prefer(_ memory: UnsafeMutableRawBufferPointer) {
        #if canImport(Glibc)
            guard let base = memory.baseAddress, memory.count >= 2 * page else { return }
            let first = unsafe base.alignedUp(toMultipleOf: page)
            let count = unsafe memory.count - (first - base)
            unsafe madvise(first, count / page * page, MADV_HUGEPAGE)
        #endif
    }
}
