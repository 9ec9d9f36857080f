/// `body(x)` of which only the input is kept: the backward pass computes it again.
///
/// One more forward pass of time for the memory of all that `body` would leave behind. The same bits as
/// `body` itself, as long as it gives the same for the same input.
/// Source: Chen et al. 2016, section 3, https://arxiv.org/abs/1604.06174
package func recomputed(_ x: Tensor, _ body: @escaping (Tensor) -> Tensor) -> Tensor {
    let y = body(x.detached)
    guard y.isRecorded || x.isRecorded else { return y }
    return y.detached.alwaysRecording(x) { dy, gradients in
        let slope = Slope()
        let leaf = x.detached.leaf { slope.value = $0 }
        body(leaf).backward(from: dy, into: &gradients)
        return [x.isRecorded ? slope.value : nil]
    }
}

/// What arrives at a leaf during one backward pass.
private final class Slope {
    var value: Tensor?
}

extension Tensor {
    /// The same values; the gradient that arrives here is given to `receive`.
    fileprivate func leaf(_ receive: @escaping (Tensor) -> Void) -> Tensor {
        let node = GraphNode(inputs: [], function: "recomputed", floats: 0) { dy, _ in
            receive(dy)
            return []
        }
        return with(origin: .node(node))
    }

    /// As `recording`, whether or not `input` is recorded: parameters inside want gradients.
    fileprivate func alwaysRecording(
        _ input: Tensor, pullback: @escaping GraphNode.Pullback
    ) -> Tensor {
        let node = GraphNode(
            inputs: [input.origin], function: "recomputed", floats: 0, pullback: pullback)
        return with(origin: .node(node))
    }
}
