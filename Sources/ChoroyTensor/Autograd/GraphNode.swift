/// What the backward pass needs to know of one recorded operation.
///
/// Written while the operation is recorded and emptied as the backward pass leaves it, so that
/// activations are freed on the way; both happen on the thread that computes.
package final class GraphNode: @unchecked Sendable {
    /// Gives the gradient for each input, nil for one that needs none or got it already.
    package typealias Pullback = (_ dy: Tensor, _ gradients: inout Gradients) -> [Tensor?]

    var inputs: [Tensor.Origin]
    var pullback: Pullback?
    /// The operation's function and the floats of its inputs and result, for `OperationTimes`.
    let function: String
    let floats: Int

    init(
        inputs: [Tensor.Origin], function: String, floats: Int, pullback: @escaping Pullback
    ) {
        self.inputs = inputs
        self.function = function
        self.floats = floats
        self.pullback = pullback
    }
}

extension Tensor {
    /// Where a tensor comes from, as far as gradients are concerned.
    package enum Origin: Sendable {
        /// No gradient flows here.
        case constant
        /// The value of a parameter, read without recording.
        case frozen(Parameter)
        /// The value of a parameter whose gradient is wanted.
        case parameter(Parameter)
        /// The result of a recorded operation.
        case node(GraphNode)

        package var isRecorded: Bool {
            switch self {
            case .constant, .frozen: false
            case .parameter, .node: true
            }
        }
    }

    /// Whether a backward pass would send a gradient here.
    public var isRecorded: Bool { origin.isRecorded }

    /// The same values, remembered as made from `inputs`; unchanged when none of them is recorded.
    package func recording(
        _ inputs: Tensor..., function: String = #function, pullback: @escaping GraphNode.Pullback
    ) -> Tensor {
        guard inputs.contains(where: \.isRecorded) else { return self }
        // Of a table only the rows that were looked up count.
        let floats = inputs.reduce(count) { $0 + min(count, $1.count) }
        OperationTimes.shared.end(function, floats: floats)
        let node = GraphNode(
            inputs: inputs.map(\.origin), function: function, floats: floats, pullback: pullback)
        return with(origin: .node(node))
    }

    /// The same values without a past.
    public var detached: Tensor { with(origin: .constant) }
}
