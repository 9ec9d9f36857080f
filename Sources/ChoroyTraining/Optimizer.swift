public import ChoroyTensor

/// One step of learning for all parameters of a model: AdamW, or Muon for the matrices inside the
/// layers and AdamW for the embedding, the head and the norms. The gradient is clipped to a norm.
///
/// Sources: `AdamW`, `MuonMoments`; clipping: Pascanu et al. 2013, algorithm 1,
/// https://arxiv.org/abs/1211.5063
public struct Optimizer: ~Copyable {
    public enum Method: String, Sendable, CaseIterable {
        case adamw, muon
    }

    public struct Settings: Sendable, Equatable {
        public var method: Method
        /// AdamW's; the weight decay and the norm of clipping are Muon's too.
        public var adamw: AdamW.Settings
        /// Share of Muon's running mean that a step keeps.
        public var momentum: Float

        public init(
            _ method: Method = .adamw, adamw: AdamW.Settings = AdamW.Settings(),
            momentum: Float = 0.95
        ) {
            self.method = method
            self.adamw = adamw
            self.momentum = momentum
        }
    }

    public let settings: Settings
    private let matrices: [Parameter]
    private var muon: MuonMoments
    private var adamw: AdamW
    private let precision: Precision

    /// Matrices' products round their factors to `precision`.
    public init(
        _ parameters: [Parameter], settings: Settings = Settings(), precision: Precision = .float32
    ) {
        self.settings = settings
        self.precision = precision
        matrices = settings.method == .muon ? parameters.filter(Self.isHidden) : []
        muon = MuonMoments(for: matrices)
        let rest = settings.method == .muon ? parameters.filter { !Self.isHidden($0) } : parameters
        adamw = AdamW(rest, settings: settings.adamw)
    }

    /// A matrix between two vectors of activations; embedding and head look words up instead.
    private static func isHidden(_ parameter: Parameter) -> Bool {
        parameter.shape.count == 2 && parameter.name.contains(".layers.")
    }

    /// Updates made.
    public var step: Int { adamw.step }

    /// One step along `gradients`, whose norm is `norm`.
    public mutating func update(
        with gradients: borrowing Gradients, norm: Double, learningRate: Float
    ) {
        adamw.update(with: gradients, norm: norm, learningRate: learningRate)
        guard !matrices.isEmpty else { return }
        // Muon's update has the same size for a gradient of any size, but its mean has not.
        muon.update(
            with: gradients,
            MuonCoefficients(
                learningRate: learningRate, momentum: settings.momentum,
                weightDecay: settings.adamw.weightDecay,
                gradientScale: Float(adamw.scale(norm)), precision: precision))
    }

    // MARK: - State

    /// All that decides the steps to come but `step`: `first.NAME` and `second.NAME` of AdamW,
    /// `momentum.NAME` of Muon.
    public var state: [(name: String, value: Tensor)] {
        var state: [(name: String, value: Tensor)] = []
        for (index, parameter) in adamw.parameters.enumerated() {
            let (first, second) = adamw.moments.values(index)
            state.append(("first.\(parameter.name)", first))
            state.append(("second.\(parameter.name)", second))
        }
        for (index, parameter) in matrices.enumerated() {
            state.append(("momentum.\(parameter.name)", muon.values(index)))
        }
        return state
    }

    /// Goes back to `step` updates and the state that `tensor` gives by name and shape.
    public mutating func restore(
        step: Int, _ tensor: (_ name: String, _ shape: [Int]) throws -> Tensor
    ) rethrows {
        for (index, parameter) in adamw.parameters.enumerated() {
            adamw.moments.set(
                index, first: try tensor("first.\(parameter.name)", parameter.shape),
                second: try tensor("second.\(parameter.name)", parameter.shape))
        }
        for (index, parameter) in matrices.enumerated() {
            muon.set(index, to: try tensor("momentum.\(parameter.name)", parameter.shape))
        }
        adamw.step = step
    }
}
