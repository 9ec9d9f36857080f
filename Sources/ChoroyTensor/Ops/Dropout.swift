internal import CChoroyKernels
internal import ChoroySystem

/// Where dropout draws its numbers: the same (seed, step, layer, element) is dropped on any thread and
/// in any repetition.
public struct DropoutKey: Sendable {
    /// Share of elements that are dropped, in [0, 1).
    public let probability: Float
    let seed: UInt64
    let stream: UInt64

    /// - Precondition: `probability` is in [0, 1).
    public init(probability: Float, seed: UInt64, step: Int, layer: Int) {
        precondition(
            probability >= 0 && probability < 1, "dropout: probability \(probability)")
        self.probability = probability
        self.seed = seed
        stream = UInt64(truncatingIfNeeded: step) << 20 ^ UInt64(truncatingIfNeeded: layer)
    }
}

/// Zeros a random share of the elements and scales the rest by 1 / (1 − p).
///
/// Source: Srivastava et al. 2014, section 4 (the inverted form).
public func dropout(_ x: Tensor, _ key: DropoutKey?) -> Tensor {
    guard let key, key.probability > 0 else { return x }
    // Four numbers of 16 bits from each draw.
    let threshold = UInt32((key.probability * 65_536).rounded())
    let scale = 1 / (1 - Float(threshold) / 65_536)
    let draws = SeededRandom.key(seed: key.seed, stream: key.stream)
    func masked(_ x: Tensor) -> Tensor {
        unsafe Tensor(shape: x.shape) { y in
            guard let y = y.baseAddress else { return }
            Parallel.ranges(x.count, grain: 1 << 14) { range in
                let i = range.lowerBound
                unsafe Kernels.table.dropout(
                    x.pointer + i, y + i, i, range.count, draws, threshold, scale)
            }
        }
    }
    return masked(x).recording(x) { dy, _ in [masked(dy)] }
}
