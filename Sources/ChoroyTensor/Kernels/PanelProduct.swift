internal import CChoroyKernels
internal import ChoroySystem

/// Products of large matrices: the right factors are packed before, each tile packs the rows of the
/// left ones that it needs.
///
/// In bfloat16 both factors are rounded to nearest on the way in, sums are in Float: twice the
/// arithmetic where the CPU has such instructions. Sums are taken over blocks of the depth, one after
/// another, and tiles depend on the shape only, so neither the number of threads nor the other rows
/// and columns change a bit.
/// Source: Kalamkar et al. 2019, https://arxiv.org/abs/1905.12322
@safe struct PanelProduct {
    private let m: Int
    private let c: UnsafeMutablePointer<Float>
    /// Floats from a row of c to the next.
    private let stride: Int
    private let accumulate: Bool

    /// Rows of a tile at most, but for some that are left over.
    private static let tileRows = 96
    /// Additions and multiplications that are worth a tile of their own.
    private static let tileOperations = 1_000_000

    init(into c: UnsafeMutablePointer<Float>, stride: Int, m: Int, accumulate: Bool) {
        self.m = m
        unsafe self.c = c
        self.stride = stride
        self.accumulate = accumulate
    }

    /// c [m, n] = the sum of a [m, k] · b [k, n] over the terms, or c += it.
    ///
    /// The first term decides on the tiles.
    func multiply(_ terms: [(a: MatrixProduct.Operand, b: Panels)]) {
        guard let first = terms.first?.b else { return }
        // At least sixteen tiles where the matrix allows it, so that threads end together: of fewer
        // rows, else of fewer columns, since each group of panels packs the left rows anew.
        let wanted = max(1, min(16, 2 * m * first.n * first.k / Self.tileOperations))
        let fewest = (m + Self.tileRows - 1) / Self.tileRows
        let byColumns =
            m >= wanted * 48 ? 1 : max(1, min((wanted + fewest - 1) / fewest, first.n / 256))
        // A deep right factor is more than a cache holds, so fewer tiles read it again.
        let least = first.k > 4 * first.kernels.depth ? 64 : 24
        let byRows = max(
            fewest, min((wanted + byColumns - 1) / byColumns, (m + least - 1) / least))
        let group = (first.count + byColumns - 1) / byColumns
        let groups = (first.count + group - 1) / group
        // Rows are dealt out in sixes, as the kernels take them.
        let sixes = (m + 5) / 6
        ThreadPool.shared.run(byRows * groups) { piece in
            let row = piece / groups
            let rows = row * sixes / byRows * 6..<min(m, (row + 1) * sixes / byRows * 6)
            let panel = piece % groups * group
            let panels = panel..<min(first.count, panel + group)
            for (index, term) in terms.enumerated() {
                add(term.a, term.b, rows, panels, adds: accumulate || index > 0)
            }
        }
    }

    /// One tile of one term.
    private func add(
        _ a: MatrixProduct.Operand, _ b: Panels, _ rows: Range<Int>, _ panels: Range<Int>,
        adds: Bool
    ) {
        let kernels = b.kernels
        let step = a.stride(m: m, k: b.k)
        guard unsafe a.isTransposed || kernels.rows != nil else {
            let left = unsafe a.pointer + rows.lowerBound * step
            for start in Swift.stride(from: 0, to: b.k, by: kernels.depth) {
                unsafe multiply(
                    left + start, (step, 1), b, rows, panels, from: start, adds: adds || start > 0)
            }
            return
        }
        // A row of `a` after another, or a group of its rows after another when it is transposed.
        let blockWords = kernels.depth / kernels.numbers
        let packed = a.isTransposed ? (rows.count + 15) / 16 * 16 : blockWords
        let capacity = a.isTransposed ? packed * blockWords : rows.count * blockWords
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: capacity) { left in
            guard let left = UnsafeMutableRawPointer(left.baseAddress) else { return }
            for start in Swift.stride(from: 0, to: b.k, by: kernels.depth) {
                let depth = min(kernels.depth, b.k - start)
                if a.isTransposed {
                    unsafe kernels.row_groups(
                        a.pointer + start * step + rows.lowerBound, step, left, packed, depth,
                        rows.count)
                } else {
                    unsafe kernels.rows?(
                        a.pointer + rows.lowerBound * step + start, step, left, packed, rows.count,
                        depth)
                }
                let steps = a.isTransposed ? (1, packed) : (packed, 1)
                unsafe multiply(
                    left, steps, b, rows, panels, from: start, adds: adds || start > 0)
            }
        }
    }

    /// A tile's sums over one block of the depth; `left` steps so many words by row and by depth.
    private func multiply(
        _ left: UnsafeRawPointer, _ steps: (row: Int, depth: Int), _ b: Panels, _ rows: Range<Int>,
        _ panels: Range<Int>, from start: Int, adds: Bool
    ) {
        let kernels = b.kernels
        let depth = min(kernels.depth, b.k - start)
        let words = (depth + kernels.numbers - 1) / kernels.numbers
        for panel in panels {
            let right = unsafe b.words(panel: panel, from: start)
            let width = b.width(panel)
            let columns = min(kernels.columns, b.n - panel * kernels.columns)
            let target = unsafe c + rows.lowerBound * stride + panel * kernels.columns
            if width == columns {
                unsafe kernels.multiply(
                    left, steps.row, steps.depth, right, width, target, stride, rows.count, words,
                    adds ? 1 : 0)
                continue
            }
            unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * width) {
                edge in
                guard let edge = edge.baseAddress else { return }
                unsafe edge.update(repeating: 0, count: rows.count * width)
                for r in 0..<(adds ? rows.count : 0) {
                    unsafe (edge + r * width).update(from: target + r * stride, count: columns)
                }
                unsafe kernels.multiply(
                    left, steps.row, steps.depth, right, width, edge, width, rows.count, words,
                    adds ? 1 : 0)
                for r in 0..<rows.count {
                    unsafe (target + r * stride).update(from: edge + r * width, count: columns)
                }
            }
        }
    }
}
