internal import CChoroyKernels
internal import ChoroySystem

/// Shape of grouped-query attention: query head h reads key-value head h / (heads / keyValueHeads).
///
/// Source: Ainslie et al. 2023, https://arxiv.org/abs/2305.13245
public struct AttentionShape: Sendable, Equatable {
    public let heads: Int
    public let keyValueHeads: Int
    public let headDim: Int
    /// How keys and values are kept; bytes for heads of up to `largestByteHead` only.
    public let cacheType: CacheType

    /// Numbers of which remembered keys and values consist.
    public enum CacheType: Sendable {
        case float32
        /// Bytes with a scale for each key and each value.
        case int8
    }

    /// The widest head whose sums of bytes fit in 32 bits.
    public static let largestByteHead = 512

    public init(heads: Int, keyValueHeads: Int, headDim: Int, cacheType: CacheType = .float32) {
        precondition(
            keyValueHeads > 0 && heads % keyValueHeads == 0,
            "attention: \(heads) heads, \(keyValueHeads) key-value heads")
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        precondition(
            cacheType == .float32 || headDim <= Self.largestByteHead,
            "attention: heads of \(headDim) over bytes")
        self.headDim = headDim
        self.cacheType = cacheType
    }

    /// The same over floats, which alone has a gradient.
    package var inFloats: AttentionShape {
        AttentionShape(heads: heads, keyValueHeads: keyValueHeads, headDim: headDim)
    }

    var group: Int { heads / keyValueHeads }
    /// headDim rounded up to 16.
    var stride: Int { (headDim + 15) / 16 * 16 }
    var scale: Float { 1 / Float(headDim).squareRoot() }
}

/// Causal softmax attention inside each of several sequences that lie one after another.
///
///     y = softmax(q · kᵀ / sqrt(headDim), hidden where key > query) · v
///
/// q: [N, H · headDim], k and v: [N, KV · headDim], lengths: rows of each sequence, N in all. Scores
/// exist for tiles of 64 keys only. Over keys and values in bytes nothing is recorded.
/// Source: Vaswani et al. 2017, eq. 1; tiles: Dao 2023, https://arxiv.org/abs/2307.08691
public func attention(
    q: Tensor, k: Tensor, v: Tensor, lengths: [Int], shape: AttentionShape,
    precision: Precision = .float32
) -> Tensor {
    precondition(
        q.width == shape.heads * shape.headDim && k.width == shape.keyValueHeads * shape.headDim
            && k.shape == v.shape && k.rows == q.rows && lengths.reduce(0, +) == q.rows,
        "attention: q \(q.shape), k \(k.shape), v \(v.shape), lengths \(lengths), \(shape)")
    let starts = lengths.indices.map { lengths[..<$0].reduce(0, +) }
    let isInt8 = shape.cacheType == .int8
    let logSumExp = TensorStorage(count: isInt8 ? 0 : shape.heads * q.rows)
    // Two products forward, five backward, of what causality leaves.
    let operations = lengths.reduce(0) { $0 + $1 * ($1 + 1) } * shape.heads * shape.headDim
    OperationTimes.shared.count(operations: 2 * operations)
    let isBrain = shape.takesBrain(precision)
    let y = unsafe Tensor(shape: q.shape) { y in
        guard let y = y.baseAddress else { return }
        ThreadPool.shared.run(lengths.count * shape.keyValueHeads) { piece in
            let (sequence, group) = (piece / shape.keyValueHeads, piece % shape.keyValueHeads)
            let (start, length) = (starts[sequence], lengths[sequence])
            if isBrain {
                let scratch = shape.brainScratch(length)
                let head = group * shape.group
                let offset = start * q.width + head * shape.headDim
                let source = start * k.width + group * shape.headDim
                unsafe Kernels.table.brain_attention?(
                    q.pointer + offset, q.width, k.pointer + source, v.pointer + source, k.width,
                    shape.group, length, shape.headDim, shape.scale, y + offset,
                    logSumExp.pointer + head * q.rows + start, q.rows, scratch.words)
                return
            }
            let tiles = KeyValueTiles(count: (length + 63) / 64, shape: shape)
            let source = start * k.width + group * shape.headDim
            unsafe tiles.write(
                keys: k.pointer + source, values: v.pointer + source, stride: k.width, at: 0,
                count: length)
            for head in group * shape.group..<(group + 1) * shape.group {
                let offset = start * q.width + head * shape.headDim
                unsafe tiles.attend(
                    q.pointer + offset, stride: q.width, rows: length, past: 0, into: y + offset,
                    stride: q.width,
                    logSumExp: isInt8 ? nil : logSumExp.pointer + head * q.rows + start)
            }
        }
    }
    if isInt8 { return y }
    return y.recording(q, k, v) { dy, _ in
        OperationTimes.shared.count(operations: 5 * operations)
        let dq = TensorStorage(count: q.count)
        let dk = TensorStorage(count: k.count)
        let dv = TensorStorage(count: v.count)
        ThreadPool.shared.run(lengths.count * shape.keyValueHeads) { piece in
            let (sequence, group) = (piece / shape.keyValueHeads, piece % shape.keyValueHeads)
            let backward = AttentionBackward(
                shape: shape, start: starts[sequence], length: lengths[sequence], group: group,
                isBrain: isBrain)
            unsafe backward.run(
                q: q.pointer, k: k.pointer, v: v.pointer, y: y.pointer, dy: dy.pointer,
                logSumExp: logSumExp.pointer, rows: q.rows, dq: dq.pointer, dk: dk.pointer,
                dv: dv.pointer)
        }
        return [
            Tensor(shape: q.shape, storage: dq), Tensor(shape: k.shape, storage: dk),
            Tensor(shape: v.shape, storage: dv),
        ]
    }
}

extension AttentionShape {
    /// Whether the products of attention have factors of bfloat16.
    fileprivate func takesBrain(_ precision: Precision) -> Bool {
        unsafe cacheType == .float32 && precision == .bfloat16 && headDim % 16 == 0
            && Kernels.table.brain_attention != nil
    }

    fileprivate func brainScratch(_ length: Int) -> TensorStorage {
        TensorStorage(count: choroy_brain_attention_scratch(length, headDim))
    }
}

extension TensorStorage {
    /// The same memory as words of 32 bits.
    fileprivate var words: UnsafeMutablePointer<UInt32> {
        unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: UInt32.self)
    }
}

/// The gradient of the heads that share one key-value head in one sequence.
private struct AttentionBackward {
    let shape: AttentionShape
    let start: Int
    let length: Int
    let group: Int
    let isBrain: Bool

    func run(
        q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
        y: UnsafePointer<Float>, dy: UnsafePointer<Float>, logSumExp: UnsafePointer<Float>,
        rows: Int, dq: UnsafeMutablePointer<Float>, dk: UnsafeMutablePointer<Float>,
        dv: UnsafeMutablePointer<Float>
    ) {
        let (stride, headDim) = (shape.stride, shape.headDim)
        let keyWidth = shape.keyValueHeads * headDim
        let keyOffset = start * keyWidth + group * headDim
        let width = shape.heads * headDim
        let heads = group * shape.group..<(group + 1) * shape.group
        if stride == headDim {
            for r in 0..<length {
                let offset = keyOffset + r * keyWidth
                unsafe (dk + offset).update(repeating: 0, count: headDim)
                unsafe (dv + offset).update(repeating: 0, count: headDim)
            }
            if isBrain {
                let scratch = shape.brainScratch(length)
                let offset = start * width + heads.lowerBound * headDim
                unsafe Kernels.table.brain_attention_gradient?(
                    q + offset, k + keyOffset, v + keyOffset, y + offset, dy + offset,
                    logSumExp + heads.lowerBound * rows + start, rows, dq + offset, dk + keyOffset,
                    dv + keyOffset, heads.count, length, headDim, width, keyWidth, shape.scale,
                    scratch.words)
                return
            }
            let scratch = TensorStorage(count: choroy_attention_scratch(length, stride))
            for head in heads {
                let offset = start * width + head * headDim
                unsafe Kernels.table.attention_gradient(
                    q + offset, k + keyOffset, v + keyOffset, y + offset, dy + offset,
                    logSumExp + head * rows + start, dq + offset, dk + keyOffset, dv + keyOffset,
                    scratch.pointer, length, headDim, stride, width, keyWidth, shape.scale)
            }
            return
        }
        let scratch = TensorStorage(count: choroy_attention_scratch(length, stride))
        let size = length * stride
        // q, y, dy, dq of one head; k, v, dk, dv of the group.
        let buffer = TensorStorage(count: 8 * size)
        defer { withExtendedLifetime(buffer) {} }
        let part = unsafe (0..<8).map { unsafe buffer.pointer + $0 * size }
        unsafe gather(k + keyOffset, keyWidth, into: part[4])
        unsafe gather(v + keyOffset, keyWidth, into: part[5])
        unsafe part[6].update(repeating: 0, count: 2 * size)
        for head in heads {
            let offset = start * width + head * headDim
            unsafe gather(q + offset, width, into: part[0])
            unsafe gather(y + offset, width, into: part[1])
            unsafe gather(dy + offset, width, into: part[2])
            unsafe Kernels.table.attention_gradient(
                part[0], part[4], part[5], part[1], part[2], logSumExp + head * rows + start,
                part[3], part[6], part[7], scratch.pointer, length, headDim, stride, stride, stride,
                shape.scale)
            unsafe scatter(part[3], into: dq + offset, width)
        }
        unsafe scatter(part[6], into: dk + keyOffset, keyWidth)
        unsafe scatter(part[7], into: dv + keyOffset, keyWidth)
    }

    /// One head's columns as [length, stride], zeros behind headDim.
    private func gather(
        _ source: UnsafePointer<Float>, _ width: Int, into target: UnsafeMutablePointer<Float>
    ) {
        for r in 0..<length {
            let row = unsafe target + r * shape.stride
            unsafe row.update(from: source + r * width, count: shape.headDim)
            unsafe (row + shape.headDim).update(repeating: 0, count: shape.stride - shape.headDim)
        }
    }

    private func scatter(
        _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        for r in 0..<length {
            unsafe (target + r * width).update(
                from: source + r * shape.stride, count: shape.headDim)
        }
    }
}
