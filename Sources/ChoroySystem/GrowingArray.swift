/// Plain numbers that become more at a fixed place in memory, zeros at first.
///
/// Room for the most there may be is kept from the start; what is not used costs nothing. Whoever holds the
/// pointer keeps the array alive.
@safe public final class GrowingArray<Element: BitwiseCopyable>: @unchecked Sendable {
    public private(set) var count = 0
    public let capacity: Int
    public let pointer: UnsafeMutablePointer<Element>
    private let memory: UnsafeMutableRawBufferPointer
    private let file: Workspace.File?

    /// The work whose memory it is.
    public let workspace: Workspace

    public init(capacity: Int, in workspace: Workspace = .unlimited) {
        precondition(capacity >= 0, "GrowingArray: \(capacity) elements")
        self.capacity = capacity
        self.workspace = workspace
        let size = max(1, capacity * MemoryLayout<Element>.stride)
        unsafe (memory, file) = workspace.reserve(byteCount: size)
        guard let base = unsafe memory.baseAddress else { preconditionFailure("no memory") }
        unsafe pointer = base.bindMemory(to: Element.self, capacity: max(1, capacity))
    }

    /// Makes it at least so long.
    public func grow(to count: Int) {
        precondition(count <= capacity, "GrowingArray: \(count) of \(capacity) elements")
        if count <= self.count { return }
        self.count = count
        if let file {
            unsafe workspace.provide(count * MemoryLayout<Element>.stride, of: file, memory)
        }
    }

    deinit { unsafe workspace.free(memory, file) }
}
