import Synchronization

/// A block of floats, written once by the operation that allocates it and immutable afterwards.
///
/// Blocks come from `StorageRecycler`, since a training step asks for the same sizes each time.
@safe public final class TensorStorage: @unchecked Sendable {
    /// The floats; 64-byte aligned. Read-only after the operation that made the block has returned.
    package let pointer: UnsafeMutablePointer<Float>
    package let count: Int
    /// The same numbers in bytes, once a product has asked for them.
    let rounded = Mutex<Int8Activations?>(nil)

    /// A block of `count` floats with undefined content.
    package init(count: Int) {
        self.count = count
        unsafe pointer = StorageRecycler.shared.take(count)
    }

    deinit { unsafe StorageRecycler.shared.give(pointer, count) }
}

/// Freed blocks by size, kept for the next operation that needs one.
package final class StorageRecycler: Sendable {
    package static let shared = StorageRecycler()

    /// Bytes of free blocks that may be kept.
    private static let limit = 1 << 31
    private let free = Mutex<Free>(Free())

    private struct Free {
        /// Addresses by class of size.
        var blocks = [[UInt]](repeating: [], count: 4 * Int.bitWidth)
        var bytes = 0
    }

    /// Capacity for `count` floats, and the class of such blocks: powers of two with three steps
    /// between, so that near sizes share.
    private static func capacity(_ count: Int) -> (floats: Int, sizeClass: Int) {
        if count <= 64 { return (64, 0) }
        let shift = Int.bitWidth - (count - 1).leadingZeroBitCount - 3
        let steps = ((count - 1) >> shift) + 1
        return (steps << shift, 4 * shift + steps)
    }

    fileprivate func take(_ count: Int) -> UnsafeMutablePointer<Float> {
        let (capacity, sizeClass) = Self.capacity(count)
        let kept: UInt? = free.withLock { free in
            guard let block = free.blocks[sizeClass].popLast() else { return nil }
            free.bytes -= capacity * 4
            return block
        }
        if let kept, let pointer = unsafe UnsafeMutablePointer<Float>(bitPattern: kept) {
            return unsafe pointer
        }
        let raw = UnsafeMutableRawPointer.allocate(byteCount: capacity * 4, alignment: 64)
        return unsafe raw.bindMemory(to: Float.self, capacity: capacity)
    }

    fileprivate func give(_ pointer: UnsafeMutablePointer<Float>, _ count: Int) {
        let (capacity, sizeClass) = Self.capacity(count)
        let address = UInt(bitPattern: pointer)
        let kept = free.withLock { free in
            guard free.bytes + capacity * 4 <= Self.limit else { return false }
            free.blocks[sizeClass].append(address)
            free.bytes += capacity * 4
            return true
        }
        if !kept { unsafe UnsafeMutableRawPointer(pointer).deallocate() }
    }

    /// Bytes of the free blocks that are kept.
    package var freeBytes: Int { free.withLock { $0.bytes } }

    /// Gives all free blocks back to the system.
    package func drain() {
        let blocks = free.withLock { free in
            defer { free = Free() }
            return free.blocks.flatMap { $0 }
        }
        for block in blocks {
            unsafe UnsafeMutableRawPointer(bitPattern: block)?.deallocate()
        }
    }
}
