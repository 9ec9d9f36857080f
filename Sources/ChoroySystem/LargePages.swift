#if canImport(Glibc)
    import Glibc
#endif

/// Memory in pages of 2 MB, where the system has them: the first touch of each page costs the system
/// much more than the writing, and there are five hundred times fewer.
public enum LargePages {
    /// Asks for large pages for memory that is about to be filled for the first time.
    public static func prefer(_ memory: UnsafeMutableRawBufferPointer) {
        #if canImport(Glibc)
            let page = 1 << 21
            guard let base = memory.baseAddress, memory.count >= 4 * page else { return }
            let first = unsafe base.alignedUp(toMultipleOf: page)
            let count = unsafe memory.count - (first - base)
            unsafe madvise(first, count / page * page, MADV_HUGEPAGE)
        #endif
    }
}
