extension Tensor {
    /// Adds the gradient of this scalar, times `scale`, to `gradients` for every recorded parameter.
    ///
    /// The recorded graph is used up: its activations are freed on the way.
    /// - Precondition: this tensor has one element; no part of its graph served a pass before.
    public func backward(into gradients: inout Gradients, scale: Float = 1) {
        precondition(count == 1, "backward: a scalar is needed, not \(shape)")
        guard case .node(let last) = origin else {
            if case .parameter(let parameter) = origin {
                gradients.add(Tensor([scale], shape: shape), to: parameter)
            }
            return
        }
        var waiting = [ObjectIdentifier(last): Tensor([scale], shape: shape)]
        for node in Self.order(from: last).reversed() {
            let dy = waiting.removeValue(forKey: ObjectIdentifier(node))
            defer {
                node.inputs = []
                node.pullback = nil
            }
            guard let dy else { continue }
            guard let pullback = node.pullback else {
                preconditionFailure("backward: an earlier backward pass has used this graph up")
            }
            let slopes = pullback(dy, &gradients)
            precondition(slopes.count == node.inputs.count, "backward: one slope for each input")
            for case (let input, let slope?) in zip(node.inputs, slopes) {
                switch input {
                case .constant, .frozen: break
                case .parameter(let parameter): gradients.add(slope, to: parameter)
                case .node(let node):
                    let key = ObjectIdentifier(node)
                    waiting[key] = waiting[key].map { sum($0, slope) } ?? slope
                }
            }
            let floats = slopes.reduce(node.floats) { $0 + ($1?.count ?? 0) }
            OperationTimes.shared.end(node.function, backward: true, floats: floats)
        }
    }

    /// Every node after the nodes it was made from, without recursion.
    private static func order(from last: GraphNode) -> [GraphNode] {
        var order: [GraphNode] = []
        var seen: Set<ObjectIdentifier> = []
        var stack: [(node: GraphNode, next: Int)] = [(last, 0)]
        seen.insert(ObjectIdentifier(last))
        while let (node, next) = stack.last {
            if next == node.inputs.count {
                order.append(node)
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            if case .node(let input) = node.inputs[next],
                seen.insert(ObjectIdentifier(input)).inserted
            {
                stack.append((input, 0))
            }
        }
        return order
    }
}
