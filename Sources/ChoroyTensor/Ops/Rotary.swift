internal import CChoroyKernels

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Cosines and sines of the angles that rotary position embeddings turn by.
///
///     angle(position, i) = position · theta^(−2i / headDim)        i in 0..<headDim / 2
///
/// Computed in `Float`, as the reference implementations do, so that both round alike.
/// Source: Su et al. 2021, eq. 15 and 34, https://arxiv.org/abs/2104.09864
public struct RotaryTable: Sendable {
    public let headDim: Int
    public let positions: Int
    let cosine: Tensor
    let sine: Tensor

    /// - Precondition: `headDim` is even.
    public init(headDim: Int, positions: Int, theta: Float) {
        precondition(headDim % 2 == 0, "RotaryTable: headDim \(headDim) is odd")
        self.headDim = headDim
        self.positions = positions
        let half = headDim / 2
        let frequencies = (0..<half).map { 1 / powf(theta, Float(2 * $0) / Float(headDim)) }
        func table(_ function: (Double) -> Double) -> Tensor {
            unsafe Tensor(shape: [positions, half]) { table in
                for position in 0..<positions {
                    for (i, frequency) in frequencies.enumerated() {
                        let angle = Float(position) * frequency
                        unsafe table[position * half + i] = Float(function(Double(angle)))
                    }
                }
            }
        }
        cosine = table(cos)
        sine = table(sin)
    }
}

/// Turns the pairs (i, i + headDim / 2) of each head by the angle of its row's position.
///
/// x: [N, H · headDim]; `positions`: N numbers below `table.positions`.
public func rotary(_ x: Tensor, positions: [Int], table: RotaryTable) -> Tensor {
    let (rows, width) = (x.rows, x.width)
    precondition(
        positions.count == rows && width % table.headDim == 0,
        "rotary: \(x.shape), \(positions.count) positions, heads of \(table.headDim)")
    precondition(
        positions.allSatisfy { $0 >= 0 && $0 < table.positions },
        "rotary: a position is not in 0..<\(table.positions)")
    func turned(_ x: Tensor, _ direction: Float) -> Tensor {
        unsafe Tensor(shape: x.shape) { y in
            guard let y = y.baseAddress else { return }
            let half = table.headDim / 2
            Parallel.rows(rows, width: width) { range in
                for r in range {
                    unsafe Kernels.table.rotary(
                        x.pointer + r * width, table.cosine.pointer + positions[r] * half,
                        table.sine.pointer + positions[r] * half, y + r * width,
                        width / table.headDim, table.headDim, direction)
                }
            }
        }
    }
    let y = turned(x, 1)
    return x.isRecorded ? y.recording(x) { dy, _ in [turned(dy, -1)] } : y
}
