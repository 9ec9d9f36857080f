internal import CChoroyKernels
internal import ChoroySystem

/// A matrix [k, n] packed for multiplication from the right: panels of some columns, each
/// [k / numbers, width] words of 32 bits.
@safe struct Panels {
    let kernels: ChoroyPanelKernels
    let n: Int
    let k: Int
    /// Words, as many as Floats.
    private let storage: TensorStorage

    /// Where the CPU has no products of bfloat16, Floats stay Floats.
    init(_ b: MatrixProduct.Operand, n: Int, k: Int, precision: Precision) {
        let table = unsafe Kernels.table
        let brain = precision == .bfloat16 ? unsafe table.brain?.pointee : nil
        kernels = unsafe brain ?? table.floats.pointee
        self.n = n
        self.k = k
        storage = TensorStorage(
            count: (n + 15) / 16 * 16 * ((k + kernels.numbers - 1) / kernels.numbers))
        let blocks = (k + kernels.depth - 1) / kernels.depth
        let stride = b.stride(m: k, k: n)
        // Narrow panels are packed together, so that a piece is worth a thread's while.
        let together = (64 + kernels.columns - 1) / kernels.columns
        let groups = (count + together - 1) / together
        ThreadPool.shared.run(groups * blocks) { piece in
            let start = piece % blocks * kernels.depth
            let depth = min(kernels.depth, k - start)
            let first = piece / blocks * together
            for panel in first..<min(count, first + together) {
                let column = panel * kernels.columns
                let target = unsafe words(panel: panel, from: start)
                let columns = min(kernels.columns, n - column)
                if b.isTransposed {
                    unsafe kernels.transposed(
                        b.pointer + column * stride + start, stride, target, width(panel), depth,
                        columns)
                } else {
                    unsafe kernels.row_groups(
                        b.pointer + start * stride + column, stride, target, width(panel), depth,
                        columns)
                }
            }
        }
    }

    /// Number of panels.
    var count: Int { (n + kernels.columns - 1) / kernels.columns }

    /// Width of a panel in words: a multiple of 16.
    func width(_ panel: Int) -> Int {
        min(kernels.columns, (n + 15) / 16 * 16 - panel * kernels.columns)
    }

    /// Where a panel has its rows from `start` on, a multiple of the numbers in a word.
    func words(panel: Int, from start: Int) -> UnsafeMutableRawPointer {
        let depth = (k + kernels.numbers - 1) / kernels.numbers
        let offset = panel * kernels.columns * depth + start / kernels.numbers * width(panel)
        return unsafe UnsafeMutableRawPointer(storage.pointer + offset)
    }
}
