public import ChoroyModel
internal import ChoroyTensor

/// How well a model says what an assistant said: cross-entropy over the targets of examples.
public struct ChatLoss: Sendable, Equatable {
    /// Sum over all targets.
    public let nats: Double
    public let targets: Int

    /// Mean nats of a target.
    public var mean: Double { nats / Double(targets) }

    /// The loss of `model` on `examples`, about 4,096 tokens at once.
    ///
    /// - Precondition: there is an example.
    public init(of model: Transformer, on examples: [ChatExample]) {
        precondition(!examples.isEmpty, "ChatLoss: no examples")
        var (nats, targets) = (0.0, 0)
        for part in ChatBatches.packed(examples, atMost: 4096) {
            let hidden = model.hidden(part.inputs, .scoring(lengths: part.lengths))
            let mean = linearCrossEntropy(
                hidden, model.lmHead, recording: false, targets: part.targets)
            nats += Double(mean.scalar) * Double(part.targetCount)
            targets += part.targetCount
        }
        self.nats = nats
        self.targets = targets
    }
}
