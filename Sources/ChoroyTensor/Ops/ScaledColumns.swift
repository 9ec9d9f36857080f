internal import ChoroySystem

/// Each column times a factor of its own, a parameter over a constant.
///
///     y[n][o] = x[n][o] · m[o] / c[o]        x, y: [N, O]   m, c: [O]
///
/// - Precondition: `m` and `c` have a number for each column.
func scaledColumns(_ x: Tensor, by m: Tensor, over c: Tensor) -> Tensor {
    let (rows, width) = (x.rows, x.width)
    precondition(
        m.shape == [width] && c.shape == [width],
        "scaledColumns: \(x.shape), \(m.shape) over \(c.shape)")
    let factors = unsafe Tensor(shape: [width]) { f in
        for o in 0..<width { unsafe f[o] = m.pointer[o] / c.pointer[o] }
    }
    func scaled(_ x: Tensor) -> Tensor {
        unsafe Tensor(shape: x.shape) { y in
            guard let y = y.baseAddress else { return }
            Parallel.rows(rows, width: width) { range in
                for n in range {
                    let (source, target) = unsafe (x.pointer + n * width, y + n * width)
                    let f = unsafe factors.pointer
                    for o in 0..<width { unsafe target[o] = source[o] * f[o] }
                }
            }
        }
    }
    return scaled(x).recording(x, m) { dy, _ in
        // Sums over the rows in up to 32 pieces, then piece by piece.
        let pieces = max(1, min(32, rows / 16))
        let grain = (rows + pieces - 1) / pieces
        let partial = TensorStorage(count: pieces * width)
        unsafe partial.pointer.update(repeating: 0, count: pieces * width)
        ThreadPool.shared.run(pieces) { piece in
            let sums = unsafe partial.pointer + piece * width
            for n in piece * grain..<max(piece * grain, min(rows, (piece + 1) * grain)) {
                let (a, b) = unsafe (x.pointer + n * width, dy.pointer + n * width)
                for o in 0..<width { unsafe sums[o] += a[o] * b[o] }
            }
        }
        let dm = unsafe Tensor(shape: [width]) { dm in
            for o in 0..<width {
                var sum: Float = 0
                for piece in 0..<pieces { unsafe sum += partial.pointer[piece * width + o] }
                unsafe dm[o] = sum / c.pointer[o]
            }
        }
        return [x.isRecorded ? scaled(dy) : nil, dm]
    }
}

/// a − b. The gradient goes to both.
func difference(_ a: Tensor, _ b: Tensor) -> Tensor { sum(a, scaled(b, by: -1)) }
