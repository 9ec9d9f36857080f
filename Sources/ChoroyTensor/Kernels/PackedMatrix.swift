internal import CChoroyKernels
internal import ChoroySystem

/// A weight matrix [O, K] laid out for multiplication: panels of 64 outputs, each [K, 64].
///
/// The last panel is as wide as the rest needs, rounded up to 16 and filled with zeros. Products with
/// it sum over K in one order, whatever the number of rows, so one row alone gets the bits that it
/// gets among others.
package final class PackedMatrix: Sendable {
    package let outputs: Int
    package let depth: Int
    private let storage: TensorStorage
    /// The shape of one row of products, as generation needs it for each token.
    private let rowShape: [Int]
    private static let panel = 64

    package init(_ weight: Tensor) {
        precondition(weight.shape.count == 2, "PackedMatrix: shape \(weight.shape)")
        let (outputs, depth) = (weight.shape[0], weight.shape[1])
        self.outputs = outputs
        self.depth = depth
        rowShape = [1, outputs]
        let padded = (outputs + 15) / 16 * 16
        storage = TensorStorage(count: padded * depth)
        let target = unsafe storage.pointer
        let source = unsafe weight.pointer
        Parallel.ranges((padded + Self.panel - 1) / Self.panel, grain: 1) { panels in
            for panel in panels {
                let first = panel * Self.panel
                let width = min(Self.panel, padded - first)
                let base = unsafe target + first * depth
                for j in 0..<width {
                    let output = first + j
                    for k in 0..<depth {
                        unsafe base[k * width + j] =
                            output < outputs ? source[output * depth + k] : 0
                    }
                }
            }
        }
    }

    /// x [N, K] times the transposed matrix: [N, O].
    package func multiply(_ x: Tensor) -> Tensor {
        precondition(x.width == depth, "linear: \(x.shape) and [\(outputs), \(depth)]")
        return unsafe Tensor(shape: x.rows == 1 ? rowShape : x.shape(width: outputs)) { y in
            guard let y = y.baseAddress else { return }
            unsafe multiply(x.pointer, rows: x.rows, into: y)
        }
    }

    /// The same of rows at `x`, into memory that the caller has.
    func multiply(_ x: UnsafePointer<Float>, rows: Int, into y: UnsafeMutablePointer<Float>) {
        let panels = (outputs + Self.panel - 1) / Self.panel
        let rowGrain = 48
        let rowPieces = (rows + rowGrain - 1) / rowGrain
        // Enough work for a thread to be worth waking: about 100,000 multiplications.
        let work = max(1, min(rows, rowGrain) * depth * Self.panel)
        let panelGrain = max(1, min(panels, 100_000 / work))
        let panelPieces = (panels + panelGrain - 1) / panelGrain
        ThreadPool.shared.run(rowPieces * panelPieces) { piece in
            let row = piece % rowPieces * rowGrain
            let first = piece / rowPieces * panelGrain
            for panel in first..<min(panels, first + panelGrain) {
                unsafe multiply(
                    x + row * depth, rows: min(rowGrain, rows - row), panel: panel,
                    into: y + row * outputs)
            }
        }
    }

    private func multiply(
        _ x: UnsafePointer<Float>, rows: Int, panel: Int, into y: UnsafeMutablePointer<Float>
    ) {
        let first = panel * Self.panel
        let padded = min(Self.panel, (outputs + 15) / 16 * 16 - first)
        let width = min(Self.panel, outputs - first)
        let weights = unsafe storage.pointer + first * depth
        if width == padded {
            unsafe Kernels.table.multiply(
                x, depth, 1, weights, padded, y + first, outputs, rows, padded, depth, 0)
            return
        }
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * padded) { edge in
            guard let edge = edge.baseAddress else { return }
            unsafe Kernels.table.multiply(
                x, depth, 1, weights, padded, edge, padded, rows, padded, depth, 0)
            for row in 0..<rows {
                unsafe (y + row * outputs + first).update(from: edge + row * padded, count: width)
            }
        }
    }
}
