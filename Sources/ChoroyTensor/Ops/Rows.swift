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
