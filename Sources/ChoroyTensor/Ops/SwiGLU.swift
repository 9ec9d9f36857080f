internal import CChoroyKernels

/// The gated activation of the Llama feed-forward layer.
///
///     y = gate · sigmoid(gate) · up        all [N, M]
///
/// Source: Shazeer 2020, eq. 5, https://arxiv.org/abs/2002.05202
public func swiGLU(gate: Tensor, up: Tensor) -> Tensor {
    precondition(gate.shape == up.shape, "swiGLU: \(gate.shape) and \(up.shape) differ")
    let grain = 1 << 14
    let y = unsafe Tensor(shape: gate.shape) { y in
        guard let y = y.baseAddress else { return }
        Parallel.ranges(gate.count, grain: grain) { range in
            let i = range.lowerBound
            unsafe Kernels.table.swiglu(gate.pointer + i, up.pointer + i, y + i, range.count)
        }
    }
    guard gate.isRecorded || up.isRecorded else { return y }
    return y.recording(gate, up) { dy, _ in
        let dgate = TensorStorage(count: gate.count)
        let dup = TensorStorage(count: up.count)
        Parallel.ranges(gate.count, grain: grain) { range in
            let i = range.lowerBound
            unsafe Kernels.table.swiglu_gradient(
                gate.pointer + i, up.pointer + i, dy.pointer + i, dgate.pointer + i,
                dup.pointer + i,
                range.count)
        }
        return [Tensor(shape: gate.shape, storage: dgate), Tensor(shape: up.shape, storage: dup)]
    }
}
