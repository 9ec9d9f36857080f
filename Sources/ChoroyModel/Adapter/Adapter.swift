public import ChoroySystem
public import ChoroyTensor

/// A LoRA adapter: how it changes a model, and the tensors that do.
///
/// It grows or is read while a model is built around it (`Transformer.attaching`). The tensors carry
/// the names that PEFT gives them in `adapter_model.safetensors`.
///
/// `@unchecked`: changed only while a model is built around it.
public final class Adapter: AdapterSource, @unchecked Sendable {
    public let config: AdapterConfig
    /// What training changes, in the order of the model. Empty before a model has been built.
    public private(set) var parameters: [Parameter] = []
    private let source: Source
    private var adapters: [String: LowRankAdapter] = [:]
    private var replacements: [String: RowReplacement] = [:]
    /// Paths of the maps that a model offered.
    private var offered: [String] = []

    private enum Source {
        case seed(UInt64)
        case file(SafetensorsFile, configPath: String)
    }

    /// A new adapter that changes nothing yet: A uniform within ±1/√in, B zero, magnitudes and rows
    /// those of the base.
    ///
    /// Source of the first values: PEFT's defaults (He et al. 2015, with a = √5).
    public init(_ config: AdapterConfig, seed: UInt64) {
        self.config = config
        source = .seed(seed)
    }

    /// The adapter in a directory that PEFT, or `write(to:)`, wrote; tensors are read when a model is
    /// built.
    ///
    /// - Throws: `FileError` for a damaged file, and for features that are not known here.
    public init(contentsOf directory: String) throws {
        guard FilePath.kind(of: directory) == .directory else {
            let found = FilePath.kind(of: directory) == .missing ? "no such directory" : "a file"
            throw FileError(directory, expected: "an adapter directory", found: found)
        }
        let configPath = FilePath.join(directory, Self.configName)
        config = try AdapterConfig(contentsOf: configPath)
        let path = FilePath.join(directory, Self.weightsName)
        if FilePath.kind(of: path) == .missing,
            FilePath.kind(of: FilePath.join(directory, "adapter_model.bin")) != .missing
        {
            throw FileError(
                path, expected: Self.weightsName,
                found: "adapter_model.bin, a pickle; convert it to safetensors")
        }
        source = .file(try SafetensorsFile(path: path), configPath: configPath)
    }

    public static let configName = "adapter_config.json"
    public static let weightsName = "adapter_model.safetensors"

    /// Where the file's metadata has the fingerprint of the base.
    static let baseKey = "base_model_xxh64"

    /// What is added to the file's names before the path of a module.
    static let prefix = "base_model.model."

    // MARK: - Building

    public func adapter(path: String, of weight: Weight) throws -> LowRankAdapter? {
        if let known = adapters[path] { return known }
        offered.append(path)
        guard config.targets(path) else { return nil }
        let (out, width, rank) = (weight.shape[0], weight.shape[1], config.rank(of: path))
        let name = Self.prefix + path
        let index = adapters.count
        let scaling = config.scaling(of: path)
        let a = try parameter("\(name).lora_A.weight", [rank, width]) { seed in
            Self.uniform(shape: [rank, width], seed: seed, stream: index)
        }
        let b = try parameter("\(name).lora_B.weight", [out, rank]) { _ in
            Tensor([Float](repeating: 0, count: out * rank), shape: [out, rank])
        }
        let magnitude =
            try !config.useDora
            ? nil
            : parameter("\(name).lora_magnitude_vector", [out]) { _ in
                weight.rowNorms(adding: scaling, a: a, b: b)
            }
        let adapter = LowRankAdapter(
            LowRankChange(a: a, b: b, scaling: scaling, magnitude: magnitude),
            dropout: Float(config.loraDropout), index: index)
        adapters[path] = adapter
        return adapter
    }

    public func replacement(path: String, of weight: Weight) throws -> RowReplacement? {
        if let known = replacements[path] { return known }
        let tokens = config.tokens(of: path)
        guard let last = tokens.max() else { return nil }
        guard last < weight.shape[0] else {
            throw FileError(
                configPath, at: "trainable_token_indices",
                expected: "ids below the vocabulary's \(weight.shape[0])", found: "\(last)")
        }
        let name = "\(Self.prefix)\(path).token_adapter.trainable_tokens_delta"
        let values = try parameter(name, [tokens.count, weight.shape[1]]) { _ in
            weight.copy(ofRows: tokens)
        }
        let replacement = RowReplacement(rows: tokens.map { Int32($0) }, values: values)
        replacements[path] = replacement
        return replacement
    }

    private var configPath: String {
        if case .file(_, let path) = source { path } else { Self.configName }
    }

    private func parameter(_ name: String, _ shape: [Int], initial: (UInt64) -> Tensor) throws
        -> Parameter
    {
        let value: Tensor
        switch source {
        case .seed(let seed): value = initial(seed)
        case .file(let file, _):
            guard let info = file.info(name) else {
                throw FileError(
                    file.path, at: "tensor \(name)", expected: "shape \(shape)",
                    found: "no such tensor")
            }
            guard info.shape == shape else {
                throw FileError(
                    file.path, at: "tensor \(name)", expected: "shape \(shape)",
                    found: "\(info.shape)")
            }
            value = try file.tensor(name)
            guard value.isFinite else {
                throw FileError(
                    file.path, at: "tensor \(name)", expected: "finite numbers",
                    found: "one that is not")
            }
        }
        let parameter = Parameter(name: name, value)
        parameters.append(parameter)
        return parameter
    }

    /// Independent uniform numbers within ±1/√columns.
    private static func uniform(shape: [Int], seed: UInt64, stream: Int) -> Tensor {
        let bound = 1 / Double(shape[1]).squareRoot()
        return Tensor(
            (0..<shape[0] * shape[1]).map { index in
                let bits = SeededRandom.value(
                    seed: seed, stream: UInt64(stream), index: UInt64(index))
                return Float((Double(bits >> 11) * 0x1p-53 * 2 - 1) * bound)
            }, shape: shape)
    }

    /// The matrix `name`, such as `model.layers.0.mlp.up_proj.weight`, with its change in it; nil when
    /// nothing changes it. Known once a model has been built.
    func merged(_ name: String, _ weight: Weight) -> Tensor? {
        let path = name.hasSuffix(".weight") ? String(name.dropLast(7)) : name
        if let replacement = replacements[path] { return replacement.merged(into: weight) }
        return adapters[path]?.change.merged(into: weight)
    }

    /// Tells whether the model that was built has all that the adapter wants to change.
    ///
    /// - Throws: `FileError` with the target, the embedding or the tensor that found no place.
    func checkAllPlaced(in base: Transformer) throws {
        if case .names(let names) = config.targetModules {
            for name in names
            where !offered.contains(where: { AdapterConfig.path($0, endsWith: name) }) {
                throw FileError(
                    configPath, at: "target_modules",
                    expected: "linear maps of the model, such as \(offered.first ?? "none")",
                    found: name)
            }
        }
        for rows in config.trainableTokenIndices
        where !replacements.keys.contains(where: { AdapterConfig.path($0, endsWith: rows.module) })
        {
            throw FileError(
                configPath, at: "trainable_token_indices",
                expected: "an embedding or a head of the model", found: rows.module)
        }
        guard case .file(let file, _) = source else { return }
        let wanted = file.metadata.first { $0.key == Self.baseKey }?.value
        if let wanted, let found = base.fingerprint, wanted != found {
            throw FileError(
                file.path, at: Self.baseKey, expected: "the base it was trained on, \(wanted)",
                found: "a model of the same sizes with other numbers, \(found)")
        }
        let known = Set(parameters.map(\.name))
        let spare = file.names.filter { !known.contains($0) }
        if let name = spare.first {
            throw FileError(
                file.path, at: "tensor \(name)",
                expected: "only tensors that adapter_config.json asks for",
                found: "\(spare.count) that it does not")
        }
    }

    // MARK: - Writing

    /// Writes `adapter_config.json` and `adapter_model.safetensors` as PEFT reads them.
    ///
    /// With a `base` the tensors know, under a key that PEFT does not look at, to which model they
    /// belong.
    public func write(to directory: String, base: Transformer? = nil) throws {
        try FilePath.createDirectory(directory)
        try AtomicFile.write(to: FilePath.join(directory, Self.weightsName)) { file in
            try write(to: &file, base: base)
        }
        // Last, so that a directory with a config has its tensors too.
        try config.write(to: FilePath.join(directory, Self.configName))
    }

    /// The tensors alone, as safetensors.
    public func write(to file: inout FileWriter, base: Transformer? = nil) throws {
        let fingerprint = base?.fingerprint.map { [(key: Self.baseKey, value: $0)] } ?? []
        try Safetensors.write(
            parameters.map { .init($0.name, $0.value) },
            metadata: [("format", "pt")] + fingerprint, to: &file)
    }
}
