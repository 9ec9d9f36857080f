internal import ChoroyModel
internal import ChoroySystem
internal import ChoroyTensor

/// All that decides a trainer's future: weights, moments, and the counts in `state.json`. Batches and
/// dropout are functions of the step, so they need no state.
extension Trainer {
    func write(to directory: String) throws {
        let weights = model.parameters.map { Safetensors.Entry($0.name, $0.value) }
        try Safetensors.write(
            to: FilePath.join(directory, "model.safetensors"), tensors: weights)
        var moments: [Safetensors.Entry] = []
        for (index, parameter) in model.parameters.enumerated() {
            let (first, second) = optimizer.moments.values(index)
            moments.append(.init("first.\(parameter.name)", first))
            moments.append(.init("second.\(parameter.name)", second))
        }
        try Safetensors.write(
            to: FilePath.join(directory, "optimizer.safetensors"), tensors: moments)
        let state = JSONObject([
            ("step", .integer(step)), ("updates", .integer(optimizer.step)),
            ("non_finite_steps", .integer(nonFiniteSteps)),
        ])
        try AtomicFile.write(
            JSONWriter.bytes(.object(state), indentation: 2) + [10],
            to: FilePath.join(directory, "state.json"))
    }

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
        for (index, parameter) in model.parameters.enumerated() {
            let first = try moments.tensor("first.\(parameter.name)")
            let second = try moments.tensor("second.\(parameter.name)")
            guard first.shape == parameter.shape, second.shape == parameter.shape else {
                throw FileError(
                    moments.path, at: "tensor first.\(parameter.name)",
                    expected: "shape \(parameter.shape)", found: "\(first.shape)")
            }
            optimizer.moments.set(index, first: first, second: second)
        }
        self.step = step
        optimizer.step = updates
        nonFiniteSteps = skipped
    }
}
