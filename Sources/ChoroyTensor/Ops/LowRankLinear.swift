/// A linear map whose frozen matrix is changed by a low-rank one.
///
///     y = x · Wᵀ + s · (x · Aᵀ) · Bᵀ
///     y = m / ‖W + s · B A‖ ⊙ (x · Wᵀ + s · (x · Aᵀ) · Bᵀ)        with a magnitude m
///
/// x: [N, K], y: [N, O]. With a `key` the change sees x after dropout. The norm is a constant to the
/// gradient (Liu et al. 2024, section 4.3). What is not recorded runs through `PackedMatrix`, so a row
/// has the same bits in any company.
public func linear(
    _ x: Tensor, _ weight: Weight, plus change: LowRankChange, recording: Bool,
    dropping key: DropoutKey? = nil, precision: Precision = .float32
) -> Tensor {
    let dropped = key.flatMap { $0.probability > 0 ? dropout(x, $0) : nil }
    guard let magnitude = change.magnitude else {
        return lowRankLinear(x, dropped, weight, change, recording: recording, precision)
    }
    let y = scaledColumns(
        lowRankLinear(dropped ?? x, nil, weight, change, recording: recording, precision),
        by: magnitude.value(recording: recording), over: change.norms(of: weight))
    guard let dropped else { return y }
    // The base sees all of x: the part that was dropped passes it unchanged.
    return sum(
        y, linear(difference(x, dropped), weight, recording: recording, precision: precision))
}

/// x · Wᵀ + s · (u · Aᵀ) · Bᵀ, where u is x when nil.
private func lowRankLinear(
    _ x: Tensor, _ dropped: Tensor?, _ weight: Weight, _ change: LowRankChange, recording: Bool,
    _ precision: Precision
) -> Tensor {
    let u = dropped ?? x
    let (a, b) = (change.a.value(recording: recording), change.b.value(recording: recording))
    let (rows, outputs, rank, depth) = (x.rows, b.shape[0], a.shape[0], a.shape[1])
    precondition(
        x.width == depth && weight.shape == [outputs, depth],
        "linear: \(x.shape), W \(weight.shape), A \(a.shape), B \(b.shape)")
    guard x.isRecorded || a.isRecorded || b.isRecorded else {
        let low = scaled(linear(u, a), by: change.scaling)
        return sum(linear(x, weight, recording: false), linear(low, b))
    }
    let low = scaled(
        unsafe Tensor(shape: [rows, rank]) { low in
            guard let low = low.baseAddress else { return }
            unsafe MatrixProduct.multiply(
                .plain(u.pointer), .transposed(a.pointer), into: low, m: rows, n: rank, k: depth,
                precision: precision)
        }, by: change.scaling)
    let w = weight.frozenValue
    // Without a frozen matrix of floats the base is an operation of its own.
    let base = w == nil ? linear(x, weight, recording: recording, precision: precision) : x
    let y = unsafe Tensor(shape: [rows, outputs]) { y in
        guard let y = y.baseAddress else { return }
        let second = unsafe MatrixProduct.Term(
            .plain(low.pointer), .transposed(b.pointer), k: rank)
        if let w {
            unsafe MatrixProduct.multiply(
                .init(.plain(x.pointer), .transposed(w.pointer), k: depth), plus: second, into: y,
                m: rows, n: outputs, precision: precision)
        } else {
            unsafe y.update(from: base.pointer, count: rows * outputs)
            unsafe MatrixProduct.multiply(
                second.a, second.b, into: y, m: rows, n: outputs, k: rank, accumulate: true,
                precision: precision)
        }
    }
    return y.recording(base, u, a, b) { dy, gradients in
        let dlow = unsafe Tensor(shape: [rows, rank]) { dlow in
            guard let dlow = dlow.baseAddress else { return }
            unsafe MatrixProduct.multiply(
                .plain(dy.pointer), .plain(b.pointer), into: dlow, m: rows, n: rank, k: outputs,
                precision: precision)
        }
        let db = weightGradient(dy: dy, x: low, weight: b, precision: precision, into: &gradients)
        let du = scaled(dlow, by: change.scaling)
        let da = weightGradient(dy: du, x: u, weight: a, precision: precision, into: &gradients)
        func slope(_ x: Tensor, _ fill: (UnsafeMutablePointer<Float>) -> Void) -> Tensor? {
            guard x.isRecorded else { return nil }
            return unsafe Tensor(shape: x.shape) { dx in
                if let dx = dx.baseAddress { unsafe fill(dx) }
            }
        }
        let own = unsafe MatrixProduct.Term(.plain(du.pointer), .plain(a.pointer), k: rank)
        if let w, dropped == nil {
            let dx = unsafe slope(x) { dx in
                unsafe MatrixProduct.multiply(
                    .init(.plain(dy.pointer), .plain(w.pointer), k: outputs), plus: own, into: dx,
                    m: rows, n: depth, precision: precision)
            }
            return [dx, nil, da, db]
        }
        let dbase =
            w == nil
            ? dy
            : unsafe slope(x) { dx in
                guard let w else { return }
                unsafe MatrixProduct.multiply(
                    .plain(dy.pointer), .plain(w.pointer), into: dx, m: rows, n: depth, k: outputs,
                    precision: precision)
            }
        let dropSlope = unsafe slope(u) { dx in
            unsafe MatrixProduct.multiply(
                own.a, own.b, into: dx, m: rows, n: depth, k: rank,
                precision: precision)
        }
        return [dbase, dropSlope, da, db]
    }
}
