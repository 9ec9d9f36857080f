internal import ChoroySystem
public import ChoroyTensor

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A place in the tree of parameter names, such as `model.layers.0.self_attn`.
///
/// One line names a parameter, makes or loads it, and registers it: the name stands in the code once.
public struct ParameterScope {
    public let path: String
    private let source: ParameterSource

    public init(_ source: ParameterSource, path: String = "") {
        self.source = source
        self.path = path
    }

    public subscript(_ name: String) -> ParameterScope {
        ParameterScope(source, path: path.isEmpty ? name : "\(path).\(name)")
    }

    /// The parameter `path.name`: loaded when the source is a file, else made as `initial` says.
    ///
    /// - Throws: `FileError` with the full name when it is missing or has another shape.
    public func parameter(_ name: String, shape: [Int], initial: InitialValue) throws -> Parameter {
        try source.parameter(self[name].path, shape: shape, initial: initial)
    }

    /// The matrix `path.name` [O, K] in the form that the source has it in.
    ///
    /// - Throws: `FileError` with the full name when it is missing or has another shape.
    public func weight(_ name: String, shape: [Int], initial: InitialValue) throws -> Weight {
        var weight = try source.weight(self[name].path, shape: shape, initial: initial)
        weight.replacement = try source.adapters?.replacement(path: path, of: weight)
        return weight
    }

    /// What fine-tuning adds to the map at this place, whose matrix is `weight`.
    public func adapter(for weight: Weight) throws -> LowRankAdapter? {
        try source.adapters?.adapter(path: path, of: weight)
    }
}

/// How a new parameter begins: norms with ones, matrices with normal numbers of the deviation
/// `initializer_range`, or a smaller one where they write to the residual stream (`residualDeviation`).
///
/// 0.02, when the configuration says nothing: Radford et al. 2018, section 4.1,
/// https://cdn.openai.com/research-covers/language-unsupervised/language_understanding_paper.pdf
public enum InitialValue: Sendable {
    case ones
    /// Independent normal numbers with mean 0.
    case normal(standardDeviation: Float)
}

/// Where parameters come from: random numbers or a checkpoint. Keeps them in the order they were made.
///
/// Adapters and the form of the matrices are chosen here, so that no layer needs to know of them.
public final class ParameterSource {
    /// The model's own parameters; those of adapters are their source's.
    public private(set) var parameters: [Parameter] = []
    /// The matrices in bytes, in the order they were made.
    public private(set) var matrices: [(name: String, matrix: Int8Matrix)] = []
    /// The model's own matrices by name, without replaced rows.
    public private(set) var weights: [String: Weight] = [:]
    /// Where adapters come from; nil for a model without.
    public var adapters: (any AdapterSource)?
    private let load: ((String, [Int]) throws -> Tensor)?
    private let int8: ((String, [Int]) throws -> Int8Matrix?)?
    private let seed: UInt64
    private let form: QuantizationConfig?
    private let isFrozen: Bool
    private var shared: [String: Parameter] = [:]
    private var sharedWeights: [String: Weight] = [:]

    /// New parameters from a seed; with a `form`, matrices in that form of the same numbers.
    public init(seed: UInt64, isFrozen: Bool = false, form: QuantizationConfig? = nil) {
        self.seed = seed
        self.form = form
        self.isFrozen = isFrozen
        load = nil
        int8 = nil
    }

    /// Parameters that `load` finds by name, checked for shape there.
    ///
    /// Matrices that `int8` gives are kept in bytes and frozen, the others are loaded.
    public init(
        isFrozen: Bool = false, load: @escaping (_ name: String, _ shape: [Int]) throws -> Tensor,
        int8: ((_ name: String, _ shape: [Int]) throws -> Int8Matrix?)? = nil
    ) {
        seed = 0
        form = nil
        self.isFrozen = isFrozen
        self.load = load
        self.int8 = int8
    }

    /// The parameters and matrices of `model` themselves.
    ///
    /// - Precondition: what is built has the same configuration.
    public init(sharing model: Transformer) {
        seed = 0
        form = nil
        isFrozen = true
        load = nil
        int8 = nil
        sharedWeights = model.weights
        shared = Dictionary(
            model.parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The parameters and matrices of `model`; those that `adapter` changes with their change in them.
    ///
    /// - Throws: `FileError` when a change is too large for a number.
    convenience init(merging adapter: Adapter, into model: Transformer) throws {
        self.init(sharing: model)
        for name in sharedWeights.keys.sorted() {
            guard let weight = sharedWeights[name], let merged = adapter.merged(name, weight)
            else { continue }
            guard merged.isFinite else {
                throw FileError(
                    "merged model", at: "tensor \(name)", expected: "finite numbers",
                    found: "one that is not")
            }
            let value = weight.holding(merged, name: name)
            sharedWeights[name] = value
            if case .dense(let parameter) = value.storage { shared[name] = parameter }
        }
    }

    fileprivate func parameter(_ name: String, shape: [Int], initial: InitialValue) throws
        -> Parameter
    {
        let parameter: Parameter
        if let known = shared[name] {
            precondition(known.shape == shape, "\(name): \(known.shape), not \(shape)")
            parameter = known
        } else {
            let value = try load?(name, shape) ?? make(shape, initial)
            parameter = Parameter(name: name, value, isFrozen: isFrozen || adapters != nil)
        }
        parameters.append(parameter)
        return parameter
    }

    fileprivate func weight(_ name: String, shape: [Int], initial: InitialValue) throws -> Weight {
        let weight: Weight
        if let known = sharedWeights[name] {
            precondition(known.shape == shape, "\(name): \(known.shape), not \(shape)")
            weight = known
            if case .dense(let parameter) = known.storage { parameters.append(parameter) }
        } else if let matrix = try int8?(name, shape) {
            weight = Weight(matrix)
        } else if form == .int8, load == nil {
            let (stream, depth) = (nextStream, shape[1])
            weight = unsafe Weight(
                Int8Matrix(outputs: shape[0], depth: depth) { rows, target in
                    for index in target.indices {
                        unsafe target[index] = value(
                            initial, at: rows.lowerBound * depth + index, stream: stream)
                    }
                })
        } else {
            weight = Weight(try parameter(name, shape: shape, initial: initial))
        }
        weights[name] = weight
        if case .int8(let matrix) = weight.storage { matrices.append((name, matrix)) }
        return weight
    }

    private func make(_ shape: [Int], _ initial: InitialValue) -> Tensor {
        let stream = nextStream
        return Tensor(
            (0..<shape.reduce(1, *)).map { value(initial, at: $0, stream: stream) }, shape: shape)
    }

    /// Each parameter and matrix has random numbers of its own.
    private var nextStream: UInt64 { UInt64(parameters.count + matrices.count) }

    private func value(_ initial: InitialValue, at index: Int, stream: UInt64) -> Float {
        switch initial {
        case .ones: return 1
        case .normal(let deviation):
            // Box & Muller 1958: two uniform numbers make a normal one.
            let bits = SeededRandom.value(seed: seed, stream: stream, index: UInt64(index))
            let radius = sqrt(-2 * log((Double(bits >> 32) + 0.5) * 0x1p-32))
            let angle = 2 * Double.pi * Double(bits & 0xFFFF_FFFF) * 0x1p-32
            return deviation * Float(radius * cos(angle))
        }
    }
}
