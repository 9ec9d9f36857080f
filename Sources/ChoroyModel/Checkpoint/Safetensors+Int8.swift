import ChoroySystem
import ChoroyTensor

// Matrices in bytes: `NAME.weight` I8 [O, K] beside `NAME.weight_scale` [O, 1].

extension SafetensorsFile {
    /// Where the parameters of a model of `config` come from: this file, in the form it has them.
    func parameters(of config: TransformerConfig, isFrozen: Bool) -> ParameterSource {
        ParameterSource(
            isFrozen: isFrozen,
            load: { name, shape in try floats(name, shape: shape) },
            int8: { name, shape in
                guard let info = info(name), info.dtype == "I8" else { return nil }
                guard config.quantizationConfig != nil else {
                    throw FileError(
                        path, at: "tensor \(name)",
                        expected: "floats, since config.json has no quantization_config",
                        found: "I8")
                }
                return try int8Matrix(name, shape: shape)
            })
    }

    /// A tensor of floats that must have this shape.
    func floats(_ name: String, shape: [Int]) throws -> Tensor {
        try check(name, shape: [shape])
        return try tensor(name)
    }

    /// The matrix `name` with its scales.
    private func int8Matrix(_ name: String, shape: [Int]) throws -> Int8Matrix {
        let info = try check(name, shape: [shape])
        let scaleName = "\(name)_scale"
        try check(scaleName, shape: [[shape[0], 1], [shape[0]]])
        let scales = try floats(scaleName)
        for (row, scale) in scales.enumerated() where !(scale >= 0 && scale.isFinite) {
            throw FileError(
                path, at: "tensor \(scaleName), row \(row)",
                expected: "a scale that is finite and not negative", found: "\(scale)")
        }
        return try unsafe Int8Matrix(outputs: shape[0], depth: shape[1], scales: scales) {
            rows, target in
            try unsafe readBytes(info, rows: rows, into: target)
        }
    }

    /// The matrix `name` of floats, rounded to bytes; `progress` gets the number of weights as they are
    /// read.
    func quantized(_ name: String, shape: [Int], progress: (Int) -> Void) throws -> Int8Matrix {
        try check(name, shape: [shape])
        return try unsafe Int8Matrix(outputs: shape[0], depth: shape[1]) { rows, target in
            try unsafe read(name, rows: rows, into: target)
            for index in target.indices where unsafe !target[index].isFinite {
                throw FileError(
                    path, at: "tensor \(name), row \(rows.lowerBound + index / shape[1])",
                    expected: "finite weights", found: "\(unsafe target[index])")
            }
            progress(target.count)
        }
    }

    @discardableResult
    private func check(_ name: String, shape: [[Int]]) throws -> SafetensorsHeader.Info {
        guard let info = info(name) else {
            throw FileError(
                path, at: "tensor \(name)", expected: "shape \(shape[0])", found: "no such tensor")
        }
        guard shape.contains(info.shape) else {
            throw FileError(
                path, at: "tensor \(name)", expected: "shape \(shape[0])", found: "\(info.shape)")
        }
        return info
    }
}
