internal import ChoroyModel
internal import ChoroySystem
internal import ChoroyTensor

/// All that decides a trainer's future: weights, moments, and the counts in `state.json`. Batches and
/// dropout are functions of the step, so they need no state.
extension Trainer {
    /// `weights` is the name of the file of the parameters that are trained.
    func write(to directory: String, weights: String) throws {
        try Safetensors.write(
            to: FilePath.join(directory, weights),
            tensors: trainable.map { Safetensors.Entry($0.name, $0.value) })
        try Safetensors.write(
            to: FilePath.join(directory, "optimizer.safetensors"),
            tensors: optimizer.state.map { Safetensors.Entry($0.name, $0.value) })
        let state = JSONObject([
            ("step", .integer(step)), ("updates", .integer(optimizer.step)),
            ("non_finite_steps", .integer(nonFiniteSteps)),
        ])
        try AtomicFile.write(
            JSONWriter.bytes(.object(state), indentation: 2) + [10],
            to: FilePath.join(directory, "state.json"))
    }

    /// Goes back to the state of `checkpoint`, but for the weights.
    func restore(from checkpoint: Checkpoint) throws {
        let path = checkpoint.path(of: "state.json")
        let state = try JSONReader.parse(FileBytes.read(path, limit: 1 << 20), path: path)
        guard let step = state["step"]?.integer, let updates = state["updates"]?.integer,
            let skipped = state["non_finite_steps"]?.integer, step == checkpoint.step,
            updates >= 0, updates <= step
        else {
            throw FileError(
                path, expected: "counts of step \(checkpoint.step)",
                found: JSONWriter.string(state))
        }
        let moments = try SafetensorsFile(path: checkpoint.path(of: "optimizer.safetensors"))
        try optimizer.restore(step: updates) { name, shape in
            let tensor = try moments.tensor(name)
            guard tensor.shape == shape else {
                throw FileError(
                    moments.path, at: "tensor \(name)", expected: "shape \(shape)",
                    found: "\(tensor.shape)")
            }
            return tensor
        }
        self.step = step
        nonFiniteSteps = skipped
    }

    /// Sets the parameters that are trained to the values that a checkpoint's file has.
    func restoreWeights(from path: String) throws {
        let file = try SafetensorsFile(path: path)
        for parameter in trainable {
            let value = try file.tensor(parameter.name)
            guard value.shape == parameter.shape else {
                throw FileError(
                    path, at: "tensor \(parameter.name)", expected: "shape \(parameter.shape)",
                    found: "\(value.shape)")
            }
            parameter.set(value)
        }
    }
}

extension Parameter {
    /// Takes the values of `value`, which has the same shape.
    ///
    /// - Precondition: as for `update`.
    func set(_ value: Tensor) {
        precondition(value.shape == shape, "\(name): \(value.shape) for \(shape)")
        unsafe update { unsafe $0.update(from: value.pointer, count: value.count) }
    }
}
