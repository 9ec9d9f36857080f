/// Many plain numbers at a fixed place in memory, zeros at first.
///
/// It is for loops over millions of elements that several threads fill at once: no growth, no copy, no
/// check of an index. Whoever holds the pointer keeps the array alive.
@safe public final class LargeArray<Element: BitwiseCopyable>: @unchecked Sendable {
    public let count: Int
    public let pointer: UnsafeMutablePointer<Element>
    private let memory: UnsafeMutableRawBufferPointer
    private let isSmall: Bool
    private let file: Workspace.File?

    /// The work whose memory it is.
    public let workspace: Workspace

    public init(count: Int, in workspace: Workspace = .unlimited) {
        precondition(count >= 0, "LargeArray: \(count) elements")
        self.count = count
        self.workspace = workspace
        let size = max(1, count * MemoryLayout<Element>.stride)
        if size > 1 << 16 {
            unsafe (memory, file) = workspace.reserve(byteCount: size)
            if let file {
                unsafe workspace.provide(size, of: file, memory)
                file.finish()
            }
            isSmall = false
        } else {
            unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
            unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
            (isSmall, file) = (true, nil)
        }
        guard let base = unsafe memory.baseAddress else { preconditionFailure("no memory") }
        unsafe pointer = base.bindMemory(to: Element.self, capacity: max(1, count))
    }

    /// The elements of an array.
    public convenience init(_ elements: [Element]) {
        self.init(count: elements.count)
        for (place, element) in elements.enumerated() { unsafe pointer[place] = element }
    }

    /// All of them; for as long as the array lives.
    public var elements: UnsafeBufferPointer<Element> {
        unsafe UnsafeBufferPointer(start: pointer, count: count)
    }

    deinit {
        if isSmall {
            unsafe memory.deallocate()
        } else {
            unsafe workspace.free(memory, file)
        }
    }
}
