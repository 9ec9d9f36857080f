/// The given rows of a matrix [N, D], never recorded.
package func rows(_ indices: [Int], of x: Tensor) -> Tensor {
    let width = x.width
    precondition(
        indices.allSatisfy { $0 >= 0 && $0 < x.rows }, "rows: \(indices) of \(x.shape)")
    return unsafe Tensor(shape: [indices.count, width]) { y in
        guard let y = y.baseAddress else { return }
        for (target, source) in indices.enumerated() {
            unsafe (y + target * width).update(from: x.pointer + source * width, count: width)
        }
    }
}

/// The given rows of a matrix [N, D], none twice; the gradient of the others is zero.
func selectedRows(_ indices: [Int], of x: Tensor) -> Tensor {
    rows(indices, of: x).recording(x) { dy, _ in
        let width = x.width
        return [
            unsafe Tensor(shape: x.shape) { dx in
                unsafe dx.update(repeating: 0)
                guard let dx = dx.baseAddress else { return }
                for (source, target) in indices.enumerated() {
                    unsafe (dx + target * width).update(
                        from: dy.pointer + source * width, count: width)
                }
            }
        ]
    }
}
