/// What the backward pass needs to know of one recorded operation.
///
/// Written while the operation is recorded and emptied as the backward pass leaves it, so that
/// activations are freed on the way; both happen on the thread that computes.
package final class GraphNode: @unchecked Sendable {
    /// Gives the gradient for each input, nil for one that needs none or got it already.
    package typealias Pullback = (_ dy: Tensor, _ gradients: inout Gradients) -> [Tensor?]

    var inputs: [Tensor.Origin]
    var pullback: Pullback?

    init(inputs: [Tensor.Origin], pullback: @escaping Pullback) {
        self.inputs = inputs
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
    package func recording(_ inputs: Tensor..., pullback: @escaping GraphNode.Pullback) -> Tensor {
        guard inputs.contains(where: \.isRecorded) else { return self }
        return with(origin: .node(GraphNode(inputs: inputs.map(\.origin), pullback: pullback)))
    }

    /// The same values without a past.
    public var detached: Tensor { with(origin: .constant) }
}
