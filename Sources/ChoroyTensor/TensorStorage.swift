import Synchronization

/// A block of floats, written once by the operation that allocates it and immutable afterwards.
///
/// Blocks come from `StorageRecycler`, since a training step asks for the same sizes each time.
@safe public final class TensorStorage: @unchecked Sendable {
    /// The floats; 64-byte aligned. Read-only after the operation that made the block has returned.
    package let pointer: UnsafeMutablePointer<Float>
    package let count: Int
    /// Of the block, which may be larger than `count` needs.
    private let sizeClass: Int
    /// The same numbers in bytes, once a product has asked for them.
    let rounded = Mutex<Int8Activations?>(nil)

    /// A block of `count` floats with undefined content.
    package init(count: Int) {
        self.count = count
        unsafe (pointer, sizeClass) = StorageRecycler.shared.take(count)
    }

    deinit { unsafe StorageRecycler.shared.give(pointer, sizeClass) }
}

/// Freed blocks by size, kept for the next operation that needs one.
///
/// A free block of the same size or little more serves before a new one: lengths that differ from step
/// to step, as conversations have them, would otherwise each keep blocks of their own.
package final class StorageRecycler: Sendable {
    package static let shared = StorageRecycler()

    /// How many classes above its own a block may be taken from: less than twice the size.
    private static let reach = 3
    /// Bytes of free blocks that may be kept.
    private static let limit = 1 << 31
    private let free = Mutex<Free>(Free())

    private struct Free {
        /// Addresses by class of size.
        var blocks = [[UInt]](repeating: [], count: 4 * Int.bitWidth)
        var bytes = 0
    }

    /// The class of blocks for `count` floats: powers of two with three steps between.
    private static func sizeClass(_ count: Int) -> Int {
        let last = max(count, 64) - 1
        let shift = Int.bitWidth - last.leadingZeroBitCount - 3
        return 4 * shift + (last >> shift) + 1
    }

    /// Floats of a block.
    private static func capacity(_ sizeClass: Int) -> Int {
        // Steps of 5 … 8.
        let shift = (sizeClass - 5) / 4
        return (sizeClass - 4 * shift) << shift
    }

    /// A block for `count` floats, and its class.
    fileprivate func take(_ count: Int) -> (UnsafeMutablePointer<Float>, Int) {
        let wanted = Self.sizeClass(count)
        let kept: (address: UInt, sizeClass: Int)? = free.withLock { free in
            for sizeClass in wanted...wanted + Self.reach {
                guard let block = free.blocks[sizeClass].popLast() else { continue }
                free.bytes -= Self.capacity(sizeClass) * 4
                return (block, sizeClass)
            }
            return nil
        }
        if let kept, let pointer = unsafe UnsafeMutablePointer<Float>(bitPattern: kept.address) {
            return unsafe (pointer, kept.sizeClass)
        }
        let capacity = Self.capacity(wanted)
        let raw = UnsafeMutableRawPointer.allocate(byteCount: capacity * 4, alignment: 64)
        return unsafe (raw.bindMemory(to: Float.self, capacity: capacity), wanted)
    }

    fileprivate func give(_ pointer: UnsafeMutablePointer<Float>, _ sizeClass: Int) {
        let bytes = Self.capacity(sizeClass) * 4
        let address = UInt(bitPattern: pointer)
        let kept = free.withLock { free in
            guard free.bytes + bytes <= Self.limit else { return false }
            free.blocks[sizeClass].append(address)
            free.bytes += bytes
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
