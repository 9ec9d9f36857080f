internal import CChoroyKernels
internal import ChoroySystem

/// Products of large matrices in bfloat16 with sums in Float: twice the arithmetic of Float where the
/// CPU has such instructions.
///
/// Both factors are rounded to nearest on the way in. The right one is packed before; each tile packs
/// the rows of the left one that it needs. Tiles and the order of sums depend on the shape only.
/// Source: Kalamkar et al. 2019, https://arxiv.org/abs/1905.12322
@safe struct BrainProduct {
    private let a: MatrixProduct.Operand
    private let b: BrainPanels
    private let m: Int
    private let c: UnsafeMutablePointer<Float>
    /// Floats from a row of c to the next.
    private let stride: Int
    private let accumulate: Bool

    /// Rows of a tile, a multiple of the kernel's six.
    private static let tileRows = 96

    /// c [m, n] = a [m, k] · b [k, n], or c += a · b; rows of c are `stride` floats apart.
    static func multiply(
        _ a: MatrixProduct.Operand, _ b: BrainPanels, into c: UnsafeMutablePointer<Float>,
        stride: Int, m: Int, accumulate: Bool
    ) {
        unsafe BrainProduct(a: a, b: b, m: m, c: c, stride: stride, accumulate: accumulate).run()
    }

    private func run() {
        let panels = b.panels
        let rowTiles = (m + Self.tileRows - 1) / Self.tileRows
        // At least twelve tiles where the matrix allows it, none under four panels: each group of panels
        // packs the left rows anew.
        let groups = max(1, min((12 + rowTiles - 1) / rowTiles, panels / 4))
        let group = (panels + groups - 1) / groups
        ThreadPool.shared.run(rowTiles * groups) { piece in
            let row = piece / groups * Self.tileRows
            let first = piece % groups * group
            tile(
                rows: row..<min(m, row + Self.tileRows), panels: first..<min(panels, first + group))
        }
    }

    private func tile(rows: Range<Int>, panels: Range<Int>) {
        let blockDepth = BrainPanels.blockDepth
        let step = a.stride(m: m, k: b.k)
        // A row of `a` after another, or a pair of its rows after another when it is transposed.
        let packed = a.isTransposed ? (rows.count + 15) / 16 * 16 : blockDepth / 2
        let capacity = (a.isTransposed ? packed : Self.tileRows) * blockDepth / 2
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: capacity) { left in
            guard let left = left.baseAddress else { return }
            for start in Swift.stride(from: 0, to: b.k, by: blockDepth) {
                let depth = min(blockDepth, b.k - start)
                if a.isTransposed {
                    unsafe b.kernels.row_pairs(
                        a.pointer + start * step + rows.lowerBound, step, left, packed, depth,
                        rows.count)
                } else {
                    unsafe b.kernels.rows(
                        a.pointer + rows.lowerBound * step + start, step, left, packed, rows.count,
                        depth)
                }
                for panel in panels {
                    unsafe multiply(left, packed, rows, panel: panel, from: start, depth: depth)
                }
            }
        }
    }

    private func multiply(
        _ left: UnsafePointer<UInt32>, _ packed: Int, _ rows: Range<Int>, panel: Int,
        from start: Int, depth: Int
    ) {
        let (row, column) = a.isTransposed ? (1, packed) : (packed, 1)
        let right = unsafe b.words(panel: panel, from: start)
        let width = b.width(panel)
        let columns = min(BrainPanels.panel, b.n - panel * BrainPanels.panel)
        let c = unsafe self.c + rows.lowerBound * stride + panel * BrainPanels.panel
        let (pairs, adds) = ((depth + 1) / 2, accumulate || start > 0)
        if width == columns {
            unsafe b.kernels.multiply(
                left, row, column, right, width, c, stride, rows.count, pairs, adds ? 1 : 0)
            return
        }
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * width) { edge in
            guard let edge = edge.baseAddress else { return }
            unsafe b.kernels.multiply(
                left, row, column, right, width, edge, width, rows.count, pairs, 0)
            for r in 0..<rows.count {
                for j in 0..<columns {
                    let value = unsafe edge[r * width + j]
                    unsafe c[r * stride + j] = adds ? c[r * stride + j] + value : value
                }
            }
        }
    }
}
