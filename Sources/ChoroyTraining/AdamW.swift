public import ChoroyTensor

/// AdamW over all parameters of a model, with the gradient clipped to a norm.
///
/// Weight decay applies to matrices only, as GPT-2's descendants do.
/// Source: Loshchilov & Hutter 2019, algorithm 2; clipping: Pascanu et al. 2013, algorithm 1.
public struct AdamW: ~Copyable {
    /// What is given when nothing is said: the values that GPT-3 was trained with, and Llama after it.
    ///
    /// Source: Brown et al. 2020, appendix B, https://arxiv.org/abs/2005.14165
    public struct Settings: Sendable, Equatable {
        /// Share of the running mean of the gradient that a step keeps; of that of its square, `beta2`.
        public var beta1: Float
        public var beta2: Float
        /// Added to the root of the squares' mean before it divides.
        public var epsilon: Float
        /// Share of a matrix that goes at each step, times the learning rate.
        public var weightDecay: Float
        /// Largest norm of the gradient of all parameters together.
        public var clipNorm: Float

        public init(
            beta1: Float = 0.9, beta2: Float = 0.95, epsilon: Float = 1e-8,
            weightDecay: Float = 0.1, clipNorm: Float = 1
        ) {
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
            self.clipNorm = clipNorm
        }
    }

    public let settings: Settings
    /// Updates made.
    public internal(set) var step = 0
    let parameters: [Parameter]
    var moments: AdamWMoments

    public init(_ parameters: [Parameter], settings: Settings = Settings()) {
        self.parameters = parameters
        self.settings = settings
        moments = AdamWMoments(for: parameters)
    }

    /// One step along `gradients`, whose norm is `norm`.
    public mutating func update(
        with gradients: borrowing Gradients, norm: Double, learningRate: Float
    ) {
        step += 1
        moments.update(
            with: gradients,
            AdamWCoefficients(
                learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
                epsilon: settings.epsilon, weightDecay: settings.weightDecay,
                gradientScale: Float(scale(norm)), step: step))
    }

    /// The factor that brings a gradient of norm `norm` to at most `clipNorm`.
    func scale(_ norm: Double) -> Double {
        // PyTorch's clip_grad_norm_ divides by norm + 1e-6.
        min(1, Double(settings.clipNorm) / (norm + 1e-6))
    }
}
