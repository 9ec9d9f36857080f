public import ChoroySystem
internal import ChoroyTensor

extension Transformer {
    /// The model of `config` with the tensors of `file`: matrices in bytes stay so.
    ///
    /// - Throws: `FileError` when the sizes are impossible, a tensor is missing or misshapen, a scale
    ///   is none, or the file holds tensors that the model has no place for. A frozen model is one that
    ///   training leaves as it is.
    public init(
        _ config: TransformerConfig, from file: SafetensorsFile, isFrozen: Bool = false
    ) throws {
        try self.init(config, from: file.parameters(of: config, isFrozen: isFrozen))
        try checkForSpares(in: file)
    }

    /// The model of `config` with the tensors of `file`, its matrices rounded to bytes.
    ///
    /// Never more than 64 rows of a matrix are there in floats. `progress` is called with the weights
    /// done so far.
    /// - Throws: `FileError` as above, and for a weight that is no finite number.
    public init(
        quantizing file: SafetensorsFile, _ config: TransformerConfig,
        progress: @escaping (Int) -> Void = { _ in }
    ) throws {
        var config = config
        config.quantizationConfig = .int8
        var done = 0
        let source = ParameterSource(
            load: { name, shape in try file.floats(name, shape: shape) },
            int8: { name, shape in
                try file.quantized(name, shape: shape) { weights in
                    done += weights
                    progress(done)
                }
            })
        try self.init(config, from: source)
        try checkForSpares(in: file)
    }

    private func checkForSpares(in file: SafetensorsFile) throws {
        let names = parameters.map(\.name) + matrices.flatMap { [$0.name, $0.name + "_scale"] }
        let known = Set(names)
        // A tied head is a second name for the embedding, and old files carry rotary constants.
        let spare = file.names.filter { name in
            !known.contains(name) && !name.hasSuffix("rotary_emb.inv_freq")
                && !(config.tieWordEmbeddings
                    && (name == "lm_head.weight" || name == "lm_head.weight_scale"))
        }
        if let name = spare.first {
            throw FileError(
                file.path, at: "tensor \(name)", expected: "only tensors of this architecture",
                found: "\(spare.count) that the model does not have")
        }
    }

    /// Writes the parameters as safetensors, in the model's order; then matrices in bytes, the scales of
    /// all before the bytes of the first, so that floats stay aligned.
    public func write(to file: inout FileWriter) throws {
        var entries = parameters.map { Safetensors.Entry($0.name, $0.value) }
        for (name, matrix) in matrices {
            entries.append(
                .init("\(name)_scale", shape: [matrix.outputs, 1], values: matrix.scales))
        }
        if config.tieWordEmbeddings, let (name, matrix) = matrices.first,
            name == "model.embed_tokens.weight"
        {
            // transformers ties the bytes of the head to the embedding's, but not the scales.
            entries.append(
                .init("lm_head.weight_scale", shape: [matrix.outputs, 1], values: matrix.scales))
        }
        entries += matrices.map { Safetensors.Entry($0.name, $0.matrix) }
        try Safetensors.write(entries, to: &file)
    }
}
