internal import CChoroyKernels

/// The sum of two tensors of one shape. The gradient goes to both unchanged.
public func sum(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.shape == b.shape, "sum: \(a.shape) and \(b.shape) differ")
    let y = unsafe Tensor(shape: a.shape) { y in
        guard let y = y.baseAddress else { return }
        Parallel.ranges(a.count, grain: 1 << 15) { range in
            let i = range.lowerBound
            unsafe Kernels.table.add(a.pointer + i, b.pointer + i, y + i, range.count)
        }
    }
    guard a.isRecorded || b.isRecorded else { return y }
    return y.recording(a, b) { dy, _ in [dy, dy] }
}
