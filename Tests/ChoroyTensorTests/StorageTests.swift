import ChoroySystem
import ChoroyTensor
import Synchronization
import Testing

@Suite struct `Tensor storage` {
    @Test(arguments: [0, 1, 63, 64, 65, 1000])
    func `blocks begin at multiples of 64 bytes`(_ count: Int) {
        let storage = TensorStorage(count: count)
        #expect(unsafe UInt(bitPattern: storage.pointer) % 64 == 0)
        #expect(storage.count == count)
    }

    @Test func `freed blocks serve near sizes and can be given back`() async {
        await #expect(processExitsWith: .success) {
            let recycler = StorageRecycler.shared
            #expect(recycler.freeBytes == 0)
            func address(_ count: Int) -> UInt {
                let storage = TensorStorage(count: count)
                return unsafe UInt(bitPattern: storage.pointer)
            }
            let first = address(1000)
            #expect(recycler.freeBytes == 4096)
            #expect(address(897) == first)
            #expect(recycler.freeBytes == 4096)
            // 513 … 1024 may have it; 512 are half of it, and 1025 are more.
            #expect(address(513) == first)
            #expect(address(512) != first)
            #expect(recycler.freeBytes == 4096 + 2048)
            #expect(address(1025) != first)
            #expect(recycler.freeBytes == 4096 + 2048 + 5120)
            do {
                // A block goes back as large as it was, whoever had it.
                let (small, large) = (TensorStorage(count: 600), TensorStorage(count: 1000))
                #expect(unsafe UInt(bitPattern: small.pointer) == first)
                #expect(recycler.freeBytes == 2048)
                withExtendedLifetime(large) {}
            }
            #expect(recycler.freeBytes == 4096 + 2048 + 5120)
            let alive = Tensor([1, 2, 3], shape: [3])
            recycler.drain()
            #expect(recycler.freeBytes == 0)
            #expect(alive.values == [1, 2, 3])
        }
    }

    @Test func `a block goes back to the thread that asked for it`() async {
        await #expect(processExitsWith: .success) {
            ThreadPool.shared.setThreadCount(2)
            let slots = [Slot(), Slot()]
            /// The addresses of blocks that both threads ask for.
            func addresses() -> [UInt] {
                let arrived = Atomic<Int>(0)
                ThreadPool.shared.run(2) { index in
                    slots[index].block.withLock { $0 = TensorStorage(count: 1000) }
                    // So that neither takes the other's turn.
                    arrived.wrappingAdd(1, ordering: .relaxed)
                    let start = Machine.now()
                    while arrived.load(ordering: .relaxed) < 2, Machine.now() - start < 20 {}
                }
                return slots.map { slot in
                    slot.block.withLock { unsafe UInt(bitPattern: $0?.pointer) }
                }
            }
            let first = addresses()
            for slot in slots.reversed() { slot.block.withLock { $0 = nil } }
            #expect(StorageRecycler.shared.freeBytes == 2 * 4096)
            #expect(addresses() == first)
        }
    }

    @Test func `at most 2 GiB of free blocks are kept`() async {
        await #expect(processExitsWith: .success) {
            let third = (1 << 30) / 4
            do {
                // Never touched, so that no memory is really taken.
                let blocks = (0..<3).map { _ in TensorStorage(count: third) }
                withExtendedLifetime(blocks) {}
            }
            #expect(StorageRecycler.shared.freeBytes == 2 << 30)
        }
    }
}

private final class Slot: Sendable {
    let block = Mutex<TensorStorage?>(nil)
}

@Suite struct `Elements of a tensor` {
    @Test func `elements are in row-major order`() {
        let x = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        #expect(x.row(1) == [4, 5, 6])
        #expect(x.values == [1, 2, 3, 4, 5, 6])
        #expect(Tensor([7], shape: []).scalar == 7)
        #expect(Tensor([], shape: [0, 3]).values.isEmpty)
    }
}

/// The caller's mistakes stop the program.
@Suite struct `Preconditions` {
    @Test func `elements must fill the shape`() async {
        await #expect(processExitsWith: .failure) { _ = Tensor([1, 2], shape: [3]) }
    }

    @Test func `shapes must agree`() async {
        await #expect(processExitsWith: .failure) {
            _ = sum(Sample(2, 3, seed: 1).tensor, Sample(3, 2, seed: 1).tensor)
        }
        await #expect(processExitsWith: .failure) {
            _ = linear(Sample(2, 3, seed: 1).tensor, Sample(4, 2, seed: 1).tensor)
        }
        await #expect(processExitsWith: .failure) {
            _ = rmsNorm(Sample(2, 3, seed: 1).tensor, Sample(2, seed: 1).tensor, epsilon: 1)
        }
    }

    @Test func `tokens and targets must be in the vocabulary`() async {
        await #expect(processExitsWith: .failure) {
            _ = embedding([0, 3], Sample(3, 2, seed: 1).tensor)
        }
        await #expect(processExitsWith: .failure) {
            _ = linearCrossEntropy(
                Sample(1, 2, seed: 1).tensor, Sample(3, 2, seed: 1).tensor, targets: [3])
        }
    }

    @Test func `a loss needs a target that counts, and a backward pass a scalar`() async {
        await #expect(processExitsWith: .failure) {
            _ = linearCrossEntropy(
                Sample(1, 2, seed: 1).tensor, Sample(3, 2, seed: 1).tensor, targets: [-1])
        }
        await #expect(processExitsWith: .failure) {
            var gradients = Gradients(for: [])
            Sample(2, seed: 1).tensor.backward(into: &gradients)
        }
    }

    @Test func `a graph serves one backward pass`() async {
        await #expect(processExitsWith: .failure) {
            let w = Sample(3, 7, seed: 2).parameter("w")
            var gradients = Gradients(for: [w])
            let hidden = linear(Sample(5, 7, seed: 1).tensor, w.value(recording: true))
            weightedSum(hidden).backward(into: &gradients)
            weightedSum(hidden).backward(into: &gradients)
        }
    }

    @Test(arguments: [-0.1, 1, .nan] as [Float])
    func `a dropout probability is at least 0 and below 1`(_ probability: Float) async {
        await #expect(processExitsWith: .failure) { [bits = probability.bitPattern as UInt32] in
            _ = DropoutKey(
                probability: Float(bitPattern: bits), seed: 1, step: 1, layer: 1)
        }
    }
}
