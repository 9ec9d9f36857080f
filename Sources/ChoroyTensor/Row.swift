internal import CChoroyKernels
internal import ChoroySystem

/// A row of floats in memory that is written again and again.
///
/// Generation computes its one token at a time in such rows, since a tensor for each result costs a
/// small model more than the arithmetic. Every operation gives the bits of the one on tensors that it
/// is named after.
package struct Row: Sendable {
    private let storage: TensorStorage
    private let start: Int
    package let count: Int

    private init(_ storage: TensorStorage, start: Int, count: Int) {
        self.storage = storage
        self.start = start
        self.count = count
    }

    /// Fresh memory with undefined content.
    package init(count: Int) {
        self.init(TensorStorage(count: count), start: 0, count: count)
    }

    /// Memory in which a row of up to `count` floats is rounded to bytes.
    package static func bytes(of count: Int) -> Row {
        Row(count: Int8Activations.floats(rows: 1, depth: count))
    }

    package func part(_ range: Range<Int>) -> Row {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= count, "part: \(range) of \(count)")
        return Row(storage, start: start + range.lowerBound, count: range.count)
    }

    /// The row as a tensor [1, count]; it must not be written to afterwards.
    package var tensor: Tensor {
        precondition(count == storage.count, "tensor: a part of a row")
        return Tensor(shape: [1, count], storage: storage)
    }

    var pointer: UnsafeMutablePointer<Float> { unsafe storage.pointer + start }

    // MARK: - Operations

    /// A row of the matrix: `embedding`.
    package func look(up token: Int32, in weight: Weight) {
        let rows = weight.shape[0]
        precondition(
            token >= 0 && token < rows && count == weight.shape[1],
            "look: \(token) of \(weight.shape) into \(count)")
        switch weight.storage {
        case .dense(let parameter):
            unsafe pointer.update(
                from: parameter.value.pointer + Int(token) * count, count: count)
        case .int8(let matrix):
            unsafe matrix.dequantize(Int(token)..<Int(token) + 1, into: pointer)
        }
    }

    /// `rmsNorm` of `x`.
    package func normalize(_ x: Row, _ weight: Parameter, epsilon: Float) {
        precondition(
            weight.count == count && x.count == count, "normalize: \(x.count) into \(count)")
        unsafe Kernels.table.rms_norm(
            x.pointer, weight.value.pointer, pointer, nil, 1, count, epsilon)
    }

    /// `linear` of `x` with each of `weights`, the results one behind another.
    ///
    /// For matrices in bytes x is rounded once, in `bytes`.
    package func multiply(_ x: Row, by weights: [Weight], bytes: Row) {
        var rounded: Int8Activations?
        var end = 0
        for weight in weights {
            precondition(weight.replacement == nil, "multiply: a matrix with replaced rows")
            switch weight.storage {
            case .dense(let parameter):
                let matrix = parameter.packedMatrix()
                check(x, matrix.depth, end + matrix.outputs)
                unsafe matrix.multiply(x.pointer, rows: 1, into: pointer + end)
                end += matrix.outputs
            case .int8(let matrix):
                check(x, matrix.depth, end + matrix.outputs)
                let activations =
                    unsafe rounded
                    ?? Int8Activations(x.pointer, rows: 1, depth: x.count, in: bytes.storage)
                rounded = activations
                unsafe matrix.multiply(activations, into: pointer + end)
                end += matrix.outputs
            }
        }
        precondition(end == count, "multiply: \(end) results into \(count)")
    }

    private func check(_ x: Row, _ depth: Int, _ end: Int) {
        precondition(
            x.count == depth && end <= count,
            "multiply: \(x.count) by \(depth), \(end) results into \(count)")
    }

    /// `rotary` of this row's heads, in place.
    package func rotate(position: Int, _ table: RotaryTable) {
        precondition(
            position >= 0 && position < table.positions && count % table.headDim == 0,
            "rotate: position \(position) of \(table.positions), \(count) floats")
        let half = table.headDim / 2
        unsafe Kernels.table.rotary(
            pointer, table.cosine.pointer + position * half, table.sine.pointer + position * half,
            pointer, count / table.headDim, table.headDim, 1)
    }

    /// `swiGLU`; this row may be one of the two.
    package func swiGLU(gate: Row, up: Row) {
        precondition(
            gate.count == count && up.count == count,
            "swiGLU: \(gate.count) and \(up.count) into \(count)")
        unsafe Kernels.table.swiglu(gate.pointer, up.pointer, pointer, count)
    }

    /// `sum` with x, in place.
    package func add(_ x: Row) {
        precondition(x.count == count, "add: \(x.count) to \(count)")
        unsafe Kernels.table.add(pointer, x.pointer, pointer, count)
    }

    /// `attention` of the query q at position `past`; its key and value are written to `tiles`, one for
    /// each key-value head, behind those before.
    package func attend(
        q: Row, k: Row, v: Row, past: Int, tiles: [KeyValueTiles], shape: AttentionShape
    ) {
        let (headDim, width) = (shape.headDim, shape.keyValueHeads * shape.headDim)
        precondition(
            q.count == shape.heads * headDim && count == q.count && k.count == width
                && v.count == width && tiles.count == shape.keyValueHeads,
            "attend: \(q.count), \(k.count), \(v.count) floats, \(shape)")
        for (group, tile) in tiles.enumerated() {
            let source = group * headDim
            unsafe tile.write(
                keys: k.pointer + source, values: v.pointer + source, stride: width, at: past,
                count: 1)
        }
        func attend(_ head: Int) {
            unsafe tiles[head / shape.group].attend(
                q.pointer + head * headDim, stride: q.count, rows: 1, past: past,
                into: pointer + head * headDim, stride: q.count)
        }
        if q.count * (past + 1) < 50_000 {
            for head in 0..<shape.heads { attend(head) }
        } else {
            ThreadPool.shared.run(shape.heads, attend)
        }
    }
}
