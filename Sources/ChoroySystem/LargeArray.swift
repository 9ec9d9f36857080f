/// Many plain numbers at a fixed place in memory, zeros at first.
///
/// It is for loops over millions of elements that several threads fill at once: no growth, no copy, no
/// check of an index. Whoever holds the pointer keeps the array alive.
@safe public final class LargeArray<Element: BitwiseCopyable>: @unchecked Sendable {
    public let count: Int
    public let pointer: UnsafeMutablePointer<Element>
    private let memory: UnsafeMutableRawBufferPointer

    public init(count: Int) {
        precondition(count >= 0, "LargeArray: \(count) elements")
        self.count = count
        let size = max(1, count * MemoryLayout<Element>.stride)
        unsafe memory = LargePages.zeros(byteCount: size)
        guard let base = unsafe memory.baseAddress else { preconditionFailure("no memory") }
        unsafe pointer = base.bindMemory(to: Element.self, capacity: max(1, count))
    }

    deinit { unsafe LargePages.free(memory) }
}
