internal import CChoroyKernels

/// The elements times a constant.
///
///     y = c · x
public func scaled(_ x: Tensor, by factor: Float) -> Tensor {
    if factor == 1 { return x }
    let y = unsafe Tensor(shape: x.shape) { y in
        Parallel.ranges(x.count, grain: 1 << 15) { range in
            for i in range { unsafe y[i] = x.pointer[i] * factor }
        }
    }
    return y.recording(x) { dy, _ in [scaled(dy, by: factor)] }
}
