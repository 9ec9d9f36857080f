internal import CChoroyKernels
internal import ChoroySystem

/// Root-mean-square normalization over the last axis.
///
///     y = x / sqrt(mean(x²) + epsilon) · weight        x, y: [N, D]   weight: [D]
///
/// - Precondition: `weight.shape == [D]`.
/// Source: Zhang & Sennrich 2019, eq. 4, https://arxiv.org/abs/1910.07467
public func rmsNorm(_ x: Tensor, _ weight: Tensor, epsilon: Float) -> Tensor {
    let (rows, width) = (x.rows, x.width)
    precondition(weight.shape == [width], "rmsNorm: \(x.shape) and weight \(weight.shape)")
    // The factors of the rows are for the gradient only.
    let scale = x.isRecorded || weight.isRecorded ? TensorStorage(count: rows) : nil
    let y = unsafe Tensor(shape: x.shape) { y in
        guard let y = y.baseAddress else { return }
        Parallel.rows(rows, width: width) { range in
            let r = range.lowerBound
            unsafe Kernels.table.rms_norm(
                x.pointer + r * width, weight.pointer, y + r * width,
                scale.map { unsafe $0.pointer + r }, range.count, width, epsilon)
        }
    }
    guard let scale else { return y }
    return y.recording(x, weight) { dy, _ in
        // Weight gradients are summed in up to 32 pieces of rows, then piece by piece.
        let pieces = max(1, min(32, rows / 16))
        let grain = (rows + pieces - 1) / pieces
        let partial = TensorStorage(count: pieces * width)
        unsafe partial.pointer.update(repeating: 0, count: pieces * width)
        let dx = unsafe Tensor(shape: x.shape) { dx in
            guard let dx = dx.baseAddress else { return }
            ThreadPool.shared.run(pieces) { piece in
                let r = piece * grain
                guard r < rows else { return }
                unsafe Kernels.table.rms_norm_gradient(
                    x.pointer + r * width, weight.pointer, scale.pointer + r,
                    dy.pointer + r * width, dx + r * width, partial.pointer + piece * width,
                    min(grain, rows - r), width)
            }
        }
        let dw = unsafe Tensor(shape: weight.shape) { dw in
            for i in 0..<width {
                var sum: Float = 0
                for piece in 0..<pieces { unsafe sum += partial.pointer[piece * width + i] }
                unsafe dw[i] = sum
            }
        }
        return [dx, dw]
    }
}
