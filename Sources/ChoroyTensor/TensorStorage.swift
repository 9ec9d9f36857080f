internal import ChoroySystem
import Synchronization

/// A block of floats, written once by the operation that allocates it and immutable afterwards.
///
/// Blocks come from `StorageRecycler`, since a training step asks for the same sizes each time.
@safe public final class TensorStorage: @unchecked Sendable {
    /// The floats; 64-byte aligned. Read-only after the operation that made the block has returned.
    package let pointer: UnsafeMutablePointer<Float>
    package let count: Int
    private let block: StorageRecycler.Block
    /// The same numbers in bytes, once a product has asked for them.
    let rounded = Mutex<Int8Activations?>(nil)

    /// A block of `count` floats with undefined content.
    package init(count: Int) {
        self.count = count
        unsafe (pointer, block) = StorageRecycler.shared.take(count)
    }

    deinit { unsafe StorageRecycler.shared.give(pointer, block) }
}

/// Freed blocks by size, kept for the next operation that needs one.
///
/// A free block of the same size or little more serves before a new one: lengths that differ from step
/// to step, as conversations have them, would otherwise each keep blocks of their own.
/// A block goes back to the thread that asked for it first, whoever frees it: what that thread wrote there is
/// still in its cache, and threads that compute apart do not wait for each other.
package final class StorageRecycler: Sendable {
    package static let shared = StorageRecycler()

    /// How many classes above its own a block may be taken from: less than twice the size.
    private static let reach = 3
    /// Bytes of free blocks that may be kept.
    private static let limit = 1 << 31
    private let shelves = (0..<32).map { _ in Shelf() }
    private let bytes = Atomic<Int>(0)

    /// What must be known of a block to put it back.
    struct Block {
        /// The class of its size, which may be larger than was asked for.
        let sizeClass: Int
        fileprivate let shelf: Shelf
    }

    /// The free blocks of a thread.
    fileprivate final class Shelf: Sendable {
        /// Addresses by class of size.
        let blocks = Mutex<[[UInt]]>([[UInt]](repeating: [], count: 4 * Int.bitWidth))
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

    /// A block for `count` floats.
    fileprivate func take(_ count: Int) -> (UnsafeMutablePointer<Float>, Block) {
        let wanted = Self.sizeClass(count)
        let shelf = shelves[ThreadPool.shared.currentIndex % shelves.count]
        let kept: (address: UInt, sizeClass: Int)? = shelf.blocks.withLock { blocks in
            for sizeClass in wanted...wanted + Self.reach {
                if let block = blocks[sizeClass].popLast() { return (block, sizeClass) }
            }
            return nil
        }
        if let kept, let pointer = unsafe UnsafeMutablePointer<Float>(bitPattern: kept.address) {
            bytes.wrappingSubtract(Self.capacity(kept.sizeClass) * 4, ordering: .relaxed)
            return unsafe (pointer, Block(sizeClass: kept.sizeClass, shelf: shelf))
        }
        let capacity = Self.capacity(wanted)
        let raw = UnsafeMutableRawPointer.allocate(byteCount: capacity * 4, alignment: 64)
        return unsafe (
            raw.bindMemory(to: Float.self, capacity: capacity),
            Block(sizeClass: wanted, shelf: shelf)
        )
    }

    fileprivate func give(_ pointer: UnsafeMutablePointer<Float>, _ block: Block) {
        let size = Self.capacity(block.sizeClass) * 4
        guard bytes.wrappingAdd(size, ordering: .relaxed).newValue <= Self.limit else {
            bytes.wrappingSubtract(size, ordering: .relaxed)
            unsafe UnsafeMutableRawPointer(pointer).deallocate()
            return
        }
        let address = UInt(bitPattern: pointer)
        block.shelf.blocks.withLock { $0[block.sizeClass].append(address) }
    }

    /// Bytes of the free blocks that are kept.
    package var freeBytes: Int { bytes.load(ordering: .relaxed) }

    /// Gives all free blocks back to the system.
    package func drain() {
        for shelf in shelves {
            let blocks = shelf.blocks.withLock { blocks in
                defer { for index in blocks.indices { blocks[index] = [] } }
                return blocks
            }
            for (sizeClass, addresses) in blocks.enumerated() where !addresses.isEmpty {
                bytes.wrappingSubtract(
                    Self.capacity(sizeClass) * 4 * addresses.count, ordering: .relaxed)
                for address in addresses {
                    unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
                }
            }
        }
    }
}
