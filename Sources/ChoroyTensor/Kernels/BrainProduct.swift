internal import CChoroyKernels
internal import ChoroySystem

/// Products of large matrices in bfloat16 with sums in Float: twice the arithmetic of Float where the
/// CPU has such instructions.
///
/// Both factors are rounded to nearest on the way in. The right one is packed once, as panels of 64
/// columns; each tile packs the rows of the left one that it needs. Tiles and the order of sums depend
/// on the shape only.
/// Source: Kalamkar et al. 2019, https://arxiv.org/abs/1905.12322
@safe struct BrainProduct {
    private let kernels: ChoroyBrainKernels
    private let a: MatrixProduct.Operand
    private let b: MatrixProduct.Operand
    private let m: Int
    private let n: Int
    private let k: Int

    private static let panel = 64
    /// Rows of a tile, a multiple of the kernel's six.
    private static let tileRows = 96
    /// Depth of a block; even, so that no pair is divided.
    private static let blockDepth = 1024

    /// c [m, n] = a [m, k] · b [k, n], or c += a · b; false when this CPU cannot.
    static func multiply(
        _ a: MatrixProduct.Operand, _ b: MatrixProduct.Operand,
        into c: UnsafeMutablePointer<Float>, m: Int, n: Int, k: Int, accumulate: Bool
    ) -> Bool {
        guard let kernels = unsafe Kernels.table.brain?.pointee else { return false }
        let product = BrainProduct(kernels: kernels, a: a, b: b, m: m, n: n, k: k)
        unsafe product.multiply(into: c, accumulate: accumulate)
        return true
    }

    private var pairs: Int { (k + 1) / 2 }
    private var panels: Int { (n + Self.panel - 1) / Self.panel }

    /// Width of a panel in words: a multiple of 16.
    private func width(_ panel: Int) -> Int {
        min(Self.panel, (n + 15) / 16 * 16 - panel * Self.panel)
    }

    private func multiply(into c: UnsafeMutablePointer<Float>, accumulate: Bool) {
        // Words of 32 bits, as many as Floats.
        let packed = TensorStorage(count: (n + 15) / 16 * 16 * pairs)
        let words = unsafe UnsafeMutableRawPointer(packed.pointer)
            .assumingMemoryBound(to: UInt32.self)
        unsafe pack(into: words)
        let rowTiles = (m + Self.tileRows - 1) / Self.tileRows
        // At least sixteen tiles where the matrix allows it, none under four panels.
        let groups = max(1, min((16 + rowTiles - 1) / rowTiles, panels / 4))
        let group = (panels + groups - 1) / groups
        ThreadPool.shared.run(rowTiles * groups) { piece in
            let row = piece / groups * Self.tileRows
            let first = piece % groups * group
            unsafe tile(
                rows: row..<min(m, row + Self.tileRows), panels: first..<min(panels, first + group),
                words, into: c, accumulate: accumulate)
        }
    }

    /// Writes `b` as panels, each [pairs, width].
    private func pack(into words: UnsafeMutablePointer<UInt32>) {
        let blocks = (k + Self.blockDepth - 1) / Self.blockDepth
        ThreadPool.shared.run(panels * blocks) { piece in
            let (panel, start) = (piece / blocks, piece % blocks * Self.blockDepth)
            let first = panel * Self.panel
            let depth = min(Self.blockDepth, k - start)
            let width = width(panel)
            let target = unsafe words + first * pairs + start / 2 * width
            let columns = min(Self.panel, n - first)
            if b.isTransposed {
                unsafe kernels.transposed(
                    b.pointer + first * k + start, k, target, width, depth, columns)
            } else {
                unsafe kernels.row_pairs(
                    b.pointer + start * n + first, n, target, width, depth, columns)
            }
        }
    }

    private func tile(
        rows: Range<Int>, panels: Range<Int>, _ words: UnsafeMutablePointer<UInt32>,
        into c: UnsafeMutablePointer<Float>, accumulate: Bool
    ) {
        // A row of `a` after another, or a pair of its rows after another when it is transposed.
        let stride = a.isTransposed ? (rows.count + 15) / 16 * 16 : Self.blockDepth / 2
        let capacity =
            a.isTransposed ? stride * Self.blockDepth / 2 : Self.tileRows * Self.blockDepth / 2
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: capacity) { left in
            guard let left = left.baseAddress else { return }
            for start in Swift.stride(from: 0, to: k, by: Self.blockDepth) {
                let depth = min(Self.blockDepth, k - start)
                if a.isTransposed {
                    unsafe kernels.row_pairs(
                        a.pointer + start * m + rows.lowerBound, m, left, stride, depth, rows.count)
                } else {
                    unsafe kernels.rows(
                        a.pointer + rows.lowerBound * k + start, k, left, stride, rows.count, depth)
                }
                for panel in panels {
                    unsafe multiply(
                        left, a.isTransposed ? 1 : stride, a.isTransposed ? stride : 1,
                        words + panel * Self.panel * pairs + start / 2 * width(panel), panel: panel,
                        pairs: (depth + 1) / 2, into: c + rows.lowerBound * n + panel * Self.panel,
                        rows: rows.count, accumulate: accumulate || start > 0)
                }
            }
        }
    }

    private func multiply(
        _ left: UnsafePointer<UInt32>, _ row: Int, _ column: Int, _ right: UnsafePointer<UInt32>,
        panel: Int, pairs: Int, into c: UnsafeMutablePointer<Float>, rows: Int, accumulate: Bool
    ) {
        let width = width(panel)
        let columns = min(Self.panel, n - panel * Self.panel)
        if width == columns {
            unsafe kernels.multiply(
                left, row, column, right, width, c, n, rows, pairs, accumulate ? 1 : 0)
            return
        }
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * width) { edge in
            guard let edge = edge.baseAddress else { return }
            unsafe kernels.multiply(left, row, column, right, width, edge, width, rows, pairs, 0)
            for r in 0..<rows {
                for j in 0..<columns {
                    let value = unsafe edge[r * width + j]
                    unsafe c[r * n + j] = accumulate ? c[r * n + j] + value : value
                }
            }
        }
    }
}
