/// Rows of a table.
///
///     y[n] = weight[tokens[n]]        weight: [V, D]   y: [N, D]
///
/// - Precondition: every token is in `0..<V`.
public func embedding(_ tokens: [Int32], _ weight: Tensor) -> Tensor {
    precondition(weight.shape.count == 2, "embedding: weight \(weight.shape)")
    let (size, width) = (weight.shape[0], weight.shape[1])
    precondition(
        tokens.allSatisfy { $0 >= 0 && $0 < size }, "embedding: a token is not in 0..<\(size)")
    let y = unsafe Tensor(shape: [tokens.count, width]) { y in
        guard let y = y.baseAddress else { return }
        Parallel.rows(tokens.count, width: width) { range in
            for n in range {
                unsafe (y + n * width).update(
                    from: weight.pointer + Int(tokens[n]) * width, count: width)
            }
        }
    }
    return y.recording(weight) { dy, gradients in
        switch weight.origin {
        case .parameter(let parameter):
            if let sums = unsafe gradients.pointer(for: parameter) {
                unsafe addRows(of: dy, at: tokens, to: sums)
            }
            return [nil]
        case .node:
            return [
                unsafe Tensor(shape: weight.shape) { sums in
                    unsafe sums.update(repeating: 0)
                    guard let sums = sums.baseAddress else { return }
                    unsafe addRows(of: dy, at: tokens, to: sums)
                }
            ]
        case .constant, .frozen: return [nil]
        }
    }
}

/// Adds row n of `x` to row tokens[n] of `sums`.
///
/// Columns in pieces, tokens in order: no two threads meet and the order is fixed.
private func addRows(of x: Tensor, at tokens: [Int32], to sums: UnsafeMutablePointer<Float>) {
    let width = x.width
    Parallel.ranges(width, grain: max(16, width / 8)) { columns in
        for n in 0..<tokens.count {
            let target = unsafe sums + Int(tokens[n]) * width
            let slope = unsafe x.pointer + n * width
            for i in columns { unsafe target[i] += slope[i] }
        }
    }
}
