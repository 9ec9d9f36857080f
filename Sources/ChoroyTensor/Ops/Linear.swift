/// A linear map without bias.
///
///     y = x · Wᵀ        x: [N, K]   W: [O, K]   y: [N, O]
///
/// A recorded product and its gradients run through `MatrixProduct`, with factors of the given
/// precision; any other runs in Float through `PackedMatrix`, which gives each row the same bits in any
/// company.
/// An input of which nothing else needs to remember the numbers, as `isOnlyUse` says, is kept as the weight's
/// gradient reads it: in bfloat16 half of its memory.
/// - Precondition: the last axes of `x` and `weight` are equal.
public func linear(
    _ x: Tensor, _ weight: Tensor, precision: Precision = .float32, isOnlyUse: Bool = false
) -> Tensor {
    precondition(
        weight.shape.count == 2 && x.width == weight.width, "linear: \(x.shape) and \(weight.shape)"
    )
    guard x.isRecorded || weight.isRecorded else {
        switch weight.origin {
        case .frozen(let parameter): return parameter.packedMatrix().multiply(x)
        default: return PackedMatrix(weight).multiply(x)
        }
    }
    let (rows, outputs) = (x.rows, weight.shape[0])
    let y = unsafe Tensor(shape: x.shape(width: outputs)) { y in
        guard let y = y.baseAddress else { return }
        unsafe MatrixProduct.multiply(
            .plain(x.pointer), weight.right(transposed: true, precision), into: y, m: rows)
    }
    let isRecorded = x.isRecorded
    if isOnlyUse, weight.isRecorded {
        let input = unsafe MatrixProduct.Right(
            .plain(x.pointer), n: x.width, k: rows, precision: precision)
        return y.recording(x, weight) { dy, gradients in
            [
                isRecorded ? inputGradient(dy: dy, weight: weight, precision: precision) : nil,
                weightGradient(dy: dy, input, weight: weight, into: &gradients),
            ]
        }
    }
    return y.recording(x, weight) { dy, gradients in
        [
            isRecorded ? inputGradient(dy: dy, weight: weight, precision: precision) : nil,
            weightGradient(dy: dy, x: x, weight: weight, precision: precision, into: &gradients),
        ]
    }
}

/// dy · W [N, K].
package func inputGradient(dy: Tensor, weight: Tensor, precision: Precision) -> Tensor {
    unsafe Tensor(shape: dy.shape(width: weight.width)) { dx in
        guard let dx = dx.baseAddress else { return }
        unsafe MatrixProduct.multiply(
            .plain(dy.pointer), weight.right(transposed: false, precision), into: dx, m: dy.rows)
    }
}

/// dyᵀ · x [O, K], added where the gradient of `weight` is summed; nil then.
package func weightGradient(
    dy: Tensor, x: Tensor, weight: Tensor, precision: Precision, into gradients: inout Gradients
) -> Tensor? {
    guard weight.isRecorded else { return nil }
    let input = unsafe MatrixProduct.Right(
        .plain(x.pointer), n: x.width, k: x.rows, precision: precision)
    return weightGradient(dy: dy, input, weight: weight, into: &gradients)
}

/// The same of an input that is packed already.
func weightGradient(
    dy: Tensor, _ x: MatrixProduct.Right, weight: Tensor, into gradients: inout Gradients
) -> Tensor? {
    let outputs = weight.shape[0]
    switch weight.origin {
    case .parameter(let parameter):
        guard let sums = unsafe gradients.pointer(for: parameter) else { return nil }
        unsafe MatrixProduct.multiply(
            .transposed(dy.pointer), x, into: sums, m: outputs, accumulate: true)
        return nil
    case .node:
        return unsafe Tensor(shape: weight.shape) { dw in
            guard let dw = dw.baseAddress else { return }
            unsafe MatrixProduct.multiply(.transposed(dy.pointer), x, into: dw, m: outputs)
        }
    case .constant, .frozen: return nil
    }
}
