internal import CChoroyKernels
internal import ChoroySystem

/// A matrix [k, n] rounded to bfloat16 and packed as panels of 64 columns, each [k / 2 pairs, width].
@safe struct BrainPanels {
    static let panel = 64
    /// Depth of a block; even, so that no pair is divided.
    static let blockDepth = 1024

    let kernels: ChoroyBrainKernels
    let n: Int
    let k: Int
    /// Words of 32 bits, as many as Floats.
    private let storage: TensorStorage

    /// Nil when this CPU has no products of bfloat16.
    init?(_ b: MatrixProduct.Operand, n: Int, k: Int) {
        guard let kernels = unsafe Kernels.table.brain?.pointee else { return nil }
        self.kernels = kernels
        self.n = n
        self.k = k
        storage = TensorStorage(count: (n + 15) / 16 * 16 * ((k + 1) / 2))
        let blocks = (k + Self.blockDepth - 1) / Self.blockDepth
        let stride = b.stride(m: k, k: n)
        ThreadPool.shared.run(panels * blocks) { piece in
            let (panel, start) = (piece / blocks, piece % blocks * Self.blockDepth)
            let first = panel * Self.panel
            let depth = min(Self.blockDepth, k - start)
            let target = unsafe words(panel: panel, from: start)
            let columns = min(Self.panel, n - first)
            if b.isTransposed {
                unsafe kernels.transposed(
                    b.pointer + first * stride + start, stride, target, width(panel), depth, columns
                )
            } else {
                unsafe kernels.row_pairs(
                    b.pointer + start * stride + first, stride, target, width(panel), depth, columns
                )
            }
        }
    }

    var panels: Int { (n + Self.panel - 1) / Self.panel }

    /// Width of a panel in words: a multiple of 16.
    func width(_ panel: Int) -> Int {
        min(Self.panel, (n + 15) / 16 * 16 - panel * Self.panel)
    }

    /// Where a panel has its rows from `start` on, an even number.
    func words(panel: Int, from start: Int) -> UnsafeMutablePointer<UInt32> {
        let offset = panel * Self.panel * ((k + 1) / 2) + start / 2 * width(panel)
        return unsafe UnsafeMutableRawPointer(storage.pointer + offset)
            .assumingMemoryBound(to: UInt32.self)
    }
}
