internal import ChoroySystem
internal import ChoroyTensor

extension Transformer {
    /// This model with `adapter` attached. Matrices are shared, the packed ones too, so several
    /// adapters cost no more memory than their own tensors.
    ///
    /// - Throws: `FileError` when the adapter was made for another model.
    /// - Precondition: this model is frozen and has no adapter.
    public func attaching(_ adapter: Adapter) throws -> Transformer {
        precondition(
            parameters.allSatisfy(\.isFrozen), "attaching: the base is not frozen")
        let source = ParameterSource(sharing: self)
        source.adapters = adapter
        let model = try Transformer(config, from: source)
        try adapter.checkAllPlaced(in: self)
        return model
    }

    /// - Throws: `FileError` when `adapter` was made for another model.
    public func check(_ adapter: Adapter) throws { _ = try attaching(adapter) }

    /// Whether all matrices are kept as floats.
    public var isFloat: Bool { weights.values.allSatisfy(\.isFloat) }

    /// This model with the change of `adapter` in its own matrices: W + s · B A, and replaced rows.
    ///
    /// - Throws: `FileError` when the adapter was made for another model, or its change is too large
    ///   for a number.
    /// - Precondition: this model is frozen and has no adapter.
    public func merging(_ adapter: Adapter) throws -> Transformer {
        try check(adapter)
        return try Transformer(config, from: ParameterSource(merging: adapter, into: self))
    }

    /// A hash of the names and numbers of all parameters, 16 hexadecimal digits, whatever file they
    /// come from; nil for a model whose matrices are not floats.
    var fingerprint: String? {
        let names = Set(parameters.map(\.name))
        guard weights.keys.allSatisfy(names.contains) else { return nil }
        var hash = XXHash64()
        for parameter in parameters {
            hash.update(Array(parameter.name.utf8) + [0])
            unsafe parameter.value.withBytes { unsafe hash.update($0) }
        }
        return hash.hex
    }
}
