internal import CChoroyKernels
internal import ChoroySystem

/// A weight matrix [O, K] in signed bytes with one scale for each row, laid out for multiplication.
///
///     ŵ[o][k] = scale[o] · q[o][k]        |w − ŵ| ≤ scale / 2
///
/// Panels of 64 outputs, each [K / 4, 64, 4], hold q + 128: four columns of 16 outputs fill a vector. The
/// last panel is as wide as the rest needs, rounded up to 16. This is the only copy: 1 byte a weight.
public final class Int8Matrix: Sendable {
    public let outputs: Int
    public let depth: Int
    /// The scale of each row; positive, or 0 for a row of zeros.
    public let scales: [Float]
    private let panels: TensorStorage
    /// The shape of one row of products, as generation needs it for each token.
    private let rowShape: [Int]
    /// The scales once more, with zeros up to whole vectors.
    private let paddedScales: TensorStorage

    /// Rows that are read, converted and multiplied together.
    package static let panel = 64
    /// Columns of a row of activations that share a scale.
    package static let group = Int(CHOROY_INT8_GROUP)

    public var shape: [Int] { [outputs, depth] }
    /// Columns with those that fill the last group.
    private var paddedDepth: Int { (depth + Self.group - 1) / Self.group * Self.group }

    /// Writes a block of rows in row-major order.
    package typealias RowReader<Element> = (
        _ rows: Range<Int>, _ target: UnsafeMutableBufferPointer<Element>
    ) throws -> Void

    /// The bytes and scales of Float rows that `read` gives, 64 at a time.
    ///
    /// - Precondition: the weights are finite; `read` writes all elements.
    package init(outputs: Int, depth: Int, quantizing read: RowReader<Float>) rethrows {
        let target = PanelWriter(outputs: outputs, depth: depth, paddedTo: Self.group)
        var scales = [Float](repeating: 0, count: outputs)
        let block = TensorStorage(count: min(outputs, Self.panel) * depth)
        let bytes = TensorStorage(count: (min(outputs, Self.panel) * depth + 3) / 4)
        for first in stride(from: 0, to: outputs, by: Self.panel) {
            let rows = first..<min(outputs, first + Self.panel)
            let values = unsafe UnsafeMutableBufferPointer(
                start: block.pointer, count: rows.count * depth)
            try unsafe read(rows, values)
            let q = unsafe UnsafeMutableRawPointer(bytes.pointer)
                .assumingMemoryBound(to: Int8.self)
            unsafe scales.withUnsafeMutableBufferPointer { scales in
                ThreadPool.shared.run(rows.count) { row in
                    unsafe scales[first + row] = Self.quantize(
                        UnsafeBufferPointer(rebasing: values[row * depth..<(row + 1) * depth]),
                        into: q + row * depth)
                }
            }
            unsafe target.write(rows, from: q)
        }
        (self.outputs, self.depth, self.scales) = (outputs, depth, scales)
        rowShape = [1, outputs]
        panels = target.storage
        paddedScales = Self.padded(scales)
    }

    /// A matrix that is in bytes already: `read` gives its rows, 64 at a time.
    ///
    /// - Precondition: one scale for each row, finite and not negative; `read` writes all elements.
    package init(outputs: Int, depth: Int, scales: [Float], bytes read: RowReader<Int8>) rethrows {
        precondition(
            scales.count == outputs && scales.allSatisfy { $0 >= 0 && $0.isFinite },
            "Int8Matrix: \(scales.count) scales for \(outputs) rows, or one is no scale")
        let target = PanelWriter(outputs: outputs, depth: depth, paddedTo: Self.group)
        let block = TensorStorage(count: (min(outputs, Self.panel) * depth + 3) / 4)
        let q = unsafe UnsafeMutableRawPointer(block.pointer).assumingMemoryBound(to: Int8.self)
        for first in stride(from: 0, to: outputs, by: Self.panel) {
            let rows = first..<min(outputs, first + Self.panel)
            try unsafe read(rows, UnsafeMutableBufferPointer(start: q, count: rows.count * depth))
            unsafe target.write(rows, from: q)
        }
        (self.outputs, self.depth, self.scales) = (outputs, depth, scales)
        rowShape = [1, outputs]
        panels = target.storage
        paddedScales = Self.padded(scales)
    }

    /// The bytes of a matrix that is there as Float.
    ///
    /// - Precondition: the weights are finite.
    public convenience init(quantizing weight: Tensor) {
        precondition(weight.shape.count == 2, "Int8Matrix: shape \(weight.shape)")
        let depth = weight.shape[1]
        unsafe self.init(outputs: weight.shape[0], depth: depth) { rows, target in
            unsafe target.baseAddress?.update(
                from: weight.pointer + rows.lowerBound * depth, count: target.count)
        }
    }

    private static func padded(_ scales: [Float]) -> TensorStorage {
        let storage = TensorStorage(count: (scales.count + 15) / 16 * 16)
        for i in 0..<storage.count {
            unsafe storage.pointer[i] = i < scales.count ? scales[i] : 0
        }
        return storage
    }

    // MARK: - One row to bytes

    /// Bytes of `row`, each the nearest; gives the scale.
    ///
    /// The scale is max|w| / 127 with 17 significant bits, so that scale · q is exact in `Float` and the
    /// bound of half a scale holds to the last bit. A quotient of two floats is either halfway between
    /// integers or farther from there than a `Double` rounds, so the nearest is the nearest.
    package static func quantize(
        _ row: UnsafeBufferPointer<Float>, into q: UnsafeMutablePointer<Int8>
    ) -> Float {
        var largest: Float = 0
        for i in row.indices { unsafe largest = max(largest, row[i].magnitude) }
        precondition(largest.isFinite, "Int8Matrix: a weight is \(largest)")
        if largest == 0 {
            unsafe q.update(repeating: 0, count: row.count)
            return 0
        }
        let cut = Float(bitPattern: (largest / 127).bitPattern & ~0x7F)
        let scale = max(cut, 0x1p-100)
        let divisor = Double(scale)
        for i in row.indices {
            unsafe q[i] = Int8((Double(row[i]) / divisor).rounded(.toNearestOrEven))
        }
        return scale
    }

    // MARK: - Rows of it

    /// The start of a panel, and its outputs rounded up to 16.
    private func place(of panel: Int) -> (bytes: UnsafeMutablePointer<UInt8>, width: Int) {
        let first = panel * Self.panel
        let width = min(Self.panel, (outputs + 15) / 16 * 16 - first)
        let start = unsafe UnsafeMutableRawPointer(panels.pointer)
            .assumingMemoryBound(to: UInt8.self)
        return unsafe (start + first * paddedDepth, width)
    }

    /// The bytes of some rows in row-major order, as files have them.
    ///
    /// - Precondition: `target` has room for exactly these rows.
    package func bytes(_ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Int8>) {
        check(rows, target.count)
        for (index, row) in rows.enumerated() {
            let (panel, width) = unsafe place(of: row / Self.panel)
            let source = unsafe panel + row % Self.panel * 4
            for k in 0..<depth {
                unsafe target[index * depth + k] =
                    Int8(bitPattern: source[k / 4 * 4 * width + k % 4] ^ 0x80)
            }
        }
    }

    /// ŵ of some rows: [rows, K].
    public func rows(_ rows: Range<Int>) -> Tensor {
        unsafe Tensor(shape: [rows.count, depth]) { unsafe dequantize(rows, into: $0) }
    }

    /// ŵ of the rows with these numbers, in their order.
    ///
    /// - Precondition: the numbers are in `0..<O`.
    func rows(at rows: [Int]) -> Tensor {
        precondition(
            rows.allSatisfy { $0 >= 0 && $0 < outputs }, "rows: a number is not in 0..<\(outputs)")
        return unsafe Tensor(shape: [rows.count, depth]) { y in
            guard let y = y.baseAddress else { return }
            Parallel.rows(rows.count, width: depth) { range in
                for n in range {
                    unsafe dequantize(rows[n]..<rows[n] + 1, into: y + n * depth)
                }
            }
        }
    }

    /// The same into memory that the caller has.
    package func dequantize(_ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
        check(rows, target.count)
        guard let y = target.baseAddress else { return }
        // Panel by panel: where the rows begin and end in each.
        let first = rows.lowerBound / Self.panel
        let panels = rows.isEmpty ? 0 : (rows.upperBound - 1) / Self.panel - first + 1
        Parallel.ranges(panels, grain: max(1, 16_384 / (Self.panel * depth))) { part in
            for panel in part {
                let start = max(rows.lowerBound, (first + panel) * Self.panel)
                let end = min(rows.upperBound, (first + panel + 1) * Self.panel)
                unsafe dequantize(start..<end, into: y + (start - rows.lowerBound) * depth)
            }
        }
    }

    /// The same for rows of one panel, or fewer.
    func dequantize(_ rows: Range<Int>, into y: UnsafeMutablePointer<Float>) {
        let (panel, width) = unsafe place(of: rows.lowerBound / Self.panel)
        unsafe Kernels.table.int8_widen(
            panel + rows.lowerBound % Self.panel * 4, width,
            paddedScales.pointer + rows.lowerBound, y, rows.count, depth)
    }

    private func check(_ rows: Range<Int>, _ count: Int) {
        precondition(
            rows.lowerBound >= 0 && rows.upperBound <= outputs && count == rows.count * depth,
            "Int8Matrix: rows \(rows) of [\(outputs), \(depth)] into \(count) elements")
    }

    // MARK: - Product

    /// x [N, K] times the transposed matrix: [N, O].
    ///
    /// Each row of x is rounded to bytes with a scale for every 32 columns. A row's result has the same
    /// bits in any company and for any number of threads.
    package func multiply(_ x: Tensor) -> Tensor {
        precondition(x.width == depth, "linear: \(x.shape) and [\(outputs), \(depth)]")
        return unsafe Tensor(shape: x.rows == 1 ? rowShape : x.shape(width: outputs)) { y in
            guard let y = y.baseAddress else { return }
            unsafe multiply(x.roundedToBytes, into: y)
        }
    }

    /// The same of rows in bytes, into memory that the caller has.
    func multiply(_ x: Int8Activations, into y: UnsafeMutablePointer<Float>) {
        let rows = x.rows
        let panels = (outputs + Self.panel - 1) / Self.panel
        let rowGrain = 48
        let rowPieces = (rows + rowGrain - 1) / rowGrain
        // Enough work for a thread to be worth waking: about 400,000 multiplications.
        let work = max(1, min(rows, rowGrain) * paddedDepth * Self.panel)
        let panelGrain = max(1, min(panels, 400_000 / work))
        let panelPieces = (panels + panelGrain - 1) / panelGrain
        ThreadPool.shared.run(rowPieces * panelPieces) { piece in
            let row = piece % rowPieces * rowGrain
            let first = piece / rowPieces * panelGrain
            for panel in first..<min(panels, first + panelGrain) {
                unsafe multiply(
                    x, rows: row..<min(rows, row + rowGrain), panel: panel, into: y)
            }
        }
    }

    private func multiply(
        _ x: Int8Activations, rows: Range<Int>, panel: Int, into y: UnsafeMutablePointer<Float>
    ) {
        let first = panel * Self.panel
        let (weights, padded) = unsafe place(of: panel)
        let width = min(Self.panel, outputs - first)
        let scales = unsafe paddedScales.pointer + first
        let (row, count) = (rows.lowerBound, rows.count)
        let target = unsafe y + row * outputs + first
        if width == padded {
            unsafe Kernels.table.int8_multiply(
                weights, scales, padded, x.bytes(row), x.scales(row), x.starts(row), target,
                outputs, count, x.groups)
            return
        }
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count * padded) { edge in
            guard let edge = edge.baseAddress else { return }
            unsafe Kernels.table.int8_multiply(
                weights, scales, padded, x.bytes(row), x.scales(row), x.starts(row), edge, padded,
                count, x.groups)
            for r in 0..<count {
                unsafe (target + r * outputs).update(from: edge + r * padded, count: width)
            }
        }
    }
}

/// Packs row-major bytes into panels.
private struct PanelWriter {
    let outputs: Int
    let depth: Int
    let paddedDepth: Int
    let storage: TensorStorage

    init(outputs: Int, depth: Int, paddedTo group: Int) {
        precondition(outputs > 0 && depth > 0, "Int8Matrix: shape [\(outputs), \(depth)]")
        self.outputs = outputs
        self.depth = depth
        paddedDepth = (depth + group - 1) / group * group
        storage = TensorStorage(count: (outputs + 15) / 16 * 16 * paddedDepth / 4)
    }

    /// One panel: `rows` begins at a multiple of 64 and ends with the panel or the matrix.
    func write(_ rows: Range<Int>, from q: UnsafePointer<Int8>) {
        let width = (rows.count + 15) / 16 * 16
        let target =
            unsafe UnsafeMutableRawPointer(storage.pointer)
            .assumingMemoryBound(to: UInt32.self) + rows.lowerBound * paddedDepth / 4
        // Zero is 128: what fills a panel adds nothing.
        unsafe target.update(repeating: 0x8080_8080, count: width * paddedDepth / 4)
        let whole = depth / 4
        for row in 0..<rows.count {
            let source = unsafe UnsafeRawPointer(q + row * depth)
            for k in 0..<whole {
                let four = unsafe source.loadUnaligned(fromByteOffset: 4 * k, as: UInt32.self)
                unsafe target[k * width + row] = four ^ 0x8080_8080
            }
            for k in 4 * whole..<depth {
                let byte = unsafe UInt32(UInt8(bitPattern: q[row * depth + k]))
                unsafe target[whole * width + row] ^= byte << (8 * UInt32(k % 4))
            }
        }
    }
}
