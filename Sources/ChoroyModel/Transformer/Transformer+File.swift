public import ChoroySystem
internal import ChoroyTensor

extension Transformer {
    /// The model of `config` with the tensors of `file`.
    ///
    /// - Throws: `FileError` when the sizes are impossible, a tensor is missing or misshapen, or the
    ///   file holds tensors that the model has no place for. A frozen model is one that training
    ///   leaves as it is.
    public init(
        _ config: TransformerConfig, from file: SafetensorsFile, isFrozen: Bool = false
    ) throws {
        let source = ParameterSource(isFrozen: isFrozen) { name, shape in
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
            return try file.tensor(name)
        }
        try self.init(config, from: source)
        let known = Set(parameters.map(\.name))
        // A tied head is a second name for the embedding, and old files carry rotary constants.
        let spare = file.names.filter { name in
            !known.contains(name) && !name.hasSuffix("rotary_emb.inv_freq")
                && !(config.tieWordEmbeddings && name == "lm_head.weight")
        }
        if let name = spare.first {
            throw FileError(
                file.path, at: "tensor \(name)", expected: "only tensors of this architecture",
                found: "\(spare.count) that the model does not have")
        }
    }

    /// Writes the parameters as safetensors, in the model's order.
    public func write(to file: inout FileWriter) throws {
        try Safetensors.write(parameters.map { .init($0.name, $0.value) }, to: &file)
    }
}
