import CChoroyKernels
import ChoroyTensor
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The C loops of each CPU type, called directly: values, and nothing written beyond the end.
@Suite struct `C kernels` {
    /// 1e-6 for one operation an element; sums over up to 129 elements stay below 1e-5.
    static let (elementwise, summed) = (1e-6, 1e-5)

    static func table(_ type: CPUType) throws -> ChoroyKernels {
        let table =
            switch type {
            case .portable: unsafe Optional(choroy_kernels_portable())
            case .avx2: unsafe choroy_kernels_avx2()
            case .avx512: unsafe choroy_kernels_avx512()
            case .avx512bf16: unsafe choroy_kernels_avx512bf16()
            }
        return unsafe try #require(unsafe table).pointee
    }

    /// Calls `body` with room for `count` floats between guards; false when a guard was overwritten.
    static func guarded(_ values: [Float], _ body: (UnsafeMutablePointer<Float>) -> Void)
        -> (values: [Float], guardsHold: Bool)
    {
        let guardValues = [Float](repeating: 1234.5, count: 64)
        var block = guardValues + values + guardValues
        unsafe block.withUnsafeMutableBufferPointer { block in
            if let start = block.baseAddress { unsafe body(start + 64) }
        }
        return (
            Array(block[64..<64 + values.count]),
            Array(block.prefix(64)) == guardValues && Array(block.suffix(64)) == guardValues
        )
    }

    static func zeros(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }

    @Test(arguments: CPUType.available, [1, 2, 3, 5, 6, 7, 13, 17])
    func `multiply sums over the depth`(_ type: CPUType, rows: Int) throws {
        let table = unsafe try Self.table(type)
        for columns in [16, 32, 48, 64, 80, 112, 128, 144] {
            for depth in [0, 1, 7, 33] {
                let a = Sample(rows, depth, seed: 1)
                let b = Sample(depth, columns + 3, seed: 2)
                let c = Sample(rows, columns + 5, seed: 3)
                for accumulates in [false, true] {
                    let product = a.rows.map { row -> [Double] in
                        let y = Reference.multiply(row, b.rows)
                        return y.isEmpty ? [Double](repeating: 0, count: columns) : y
                    }
                    // The five elements behind each row of c must stay as they are.
                    let expected = c.rows.indices.map { r in
                        c.rows[r].indices.map { j in
                            j >= columns
                                ? c.rows[r][j] : product[r][j] + (accumulates ? c.rows[r][j] : 0)
                        }
                    }
                    let plain = unsafe Self.guarded(c.floats) { target in
                        unsafe table.multiply(
                            a.floats, depth, 1, b.floats, columns + 3, target, columns + 5, rows,
                            columns, depth, accumulates ? 1 : 0)
                    }
                    // The same a, stored column by column.
                    let turned = (0..<depth).flatMap { k in a.rows.map { Float($0[k]) } }
                    let transposed = unsafe Self.guarded(c.floats) { target in
                        unsafe table.multiply(
                            turned, 1, rows, b.floats, columns + 3, target, columns + 5, rows,
                            columns, depth, accumulates ? 1 : 0)
                    }
                    #expect(plain.guardsHold && transposed.guardsHold)
                    #expect(plain.values == transposed.values)
                    let error = relativeError(plain.values, expected.flatMap { $0 })
                    #expect(error <= Self.summed, "\(rows) × \(columns), depth \(depth)")
                }
            }
        }
    }

    @Test(arguments: CPUType.available, oddSizes)
    func `normalization and its gradient stay inside their rows`(_ type: CPUType, width: Int) throws
    {
        let table = unsafe try Self.table(type)
        let rows = 3
        let x = Sample(rows, width, seed: 1)
        let weight = Sample(width, seed: 2)
        let dy = Sample(rows, width, seed: 3)
        var scale = Self.zeros(rows)
        let y = unsafe Self.guarded(Self.zeros(rows * width)) { y in
            scale =
                unsafe Self.guarded(scale) { scale in
                    unsafe table.rms_norm(x.floats, weight.floats, y, scale, rows, width, 0.01)
                }.values
        }
        let expected = Reference.rmsNorm(x.rows, weight.rows[0], epsilon: 0.01)
        #expect(relativeError(y.values, expected.flatMap { $0 }) <= Self.summed)
        #expect(y.guardsHold)
        let sums = unsafe Self.guarded(Self.zeros(width)) { sums in
            let dx = unsafe Self.guarded(Self.zeros(rows * width)) { dx in
                unsafe table.rms_norm_gradient(
                    x.floats, weight.floats, scale, dy.floats, dx, sums, rows, width)
            }
            #expect(dx.guardsHold)
        }
        #expect(sums.guardsHold)
    }

    @Test(arguments: CPUType.available, [0] + oddSizes)
    func `loops over elements stop at the last one`(_ type: CPUType, count: Int) throws {
        let table = unsafe try Self.table(type)
        let (a, b) = (Sample(1, count, seed: 1, spread: 4), Sample(1, count, seed: 2))
        let gated = unsafe Self.guarded(Self.zeros(count)) {
            unsafe table.swiglu(a.floats, b.floats, $0, count)
        }
        let expected = Reference.swiGLU(gate: a.rows, up: b.rows)[0]
        #expect(relativeError(gated.values, expected) <= Self.elementwise)
        #expect(gated.guardsHold)

        let added = unsafe Self.guarded(a.floats) {
            unsafe table.add($0, b.floats, $0, count)
        }
        #expect(added.values == zip(a.floats, b.floats).map { $0 + $1 })
        #expect(added.guardsHold)

        let slopes = unsafe Self.guarded(Self.zeros(count)) { dgate in
            let dup = unsafe Self.guarded(Self.zeros(count)) { dup in
                unsafe table.swiglu_gradient(a.floats, b.floats, a.floats, dgate, dup, count)
            }
            #expect(dup.guardsHold)
        }
        #expect(slopes.guardsHold)

        let square = Reference.sumOfSquares(a.rows[0])
        let found = unsafe table.sum_of_squares(a.floats, count)
        // Products of two floats are exact in Double; only the order of additions differs.
        #expect(abs(found - square) <= 1e-12 * square)
    }

    @Test(arguments: CPUType.available, [2, 8, 16, 20, 34, 64, 66])
    func `rotary turns pairs and turns them back`(_ type: CPUType, headDim: Int) throws {
        let table = unsafe try Self.table(type)
        let (heads, half) = (3, headDim / 2)
        let x = Sample(1, heads * headDim, seed: 1)
        let frequencies = (0..<half).map { i in
            1 / pow(10_000, Double(2 * i) / Double(headDim))
        }
        let sine = frequencies.map { Float(sin(5 * $0)) }
        let cosine = frequencies.map { Float(cos(5 * $0)) }
        let turned = unsafe Self.guarded(Self.zeros(x.count)) {
            unsafe table.rotary(x.floats, cosine, sine, $0, heads, headDim, 1)
        }
        let expected = Reference.rotary(x.rows, positions: [5], headDim: headDim, theta: 10_000)[0]
        #expect(turned.guardsHold)
        #expect(relativeError(turned.values, expected) <= Self.elementwise)
        let back = unsafe Self.guarded(turned.values) {
            unsafe table.rotary($0, cosine, sine, $0, heads, headDim, -1)
        }
        #expect(relativeError(back.values, x.rows[0]) <= Self.elementwise)
    }

    @Test(arguments: CPUType.available, oddSizes)
    func `cross-entropy gives losses and slopes`(_ type: CPUType, columns: Int) throws {
        let table = unsafe try Self.table(type)
        let x = Sample(3, columns, seed: 1, spread: 5)
        let targets: [Int32] = [Int32(columns - 1), -1, 0]
        var losses = [Double](repeating: 7, count: 4)
        let slopes = unsafe Self.guarded(x.floats) { logits in
            unsafe table.cross_entropy(logits, targets, &losses, 3, columns, 0.5)
        }
        #expect(slopes.guardsHold)
        #expect(losses[3] == 7)
        for r in 0..<3 {
            let loss = Reference.crossEntropy([x.rows[r]], targets: [max(0, targets[r])])
            #expect(abs(losses[r] - (targets[r] < 0 ? 0 : loss)) <= 1e-6)
            var expected = Reference.softmax(x.rows[r]).map { $0 * 0.5 }
            if targets[r] < 0 { expected = expected.map { _ in 0 } }
            if targets[r] >= 0 { expected[Int(targets[r])] -= 0.5 }
            let row = slopes.values[r * columns..<(r + 1) * columns]
            // A row of one column has p = 1: the slope is what rounding leaves.
            #expect(zip(row, expected).allSatisfy { abs(Double($0) - $1) <= 1e-6 })
        }
        let kept = losses
        let untouched = unsafe Self.guarded(x.floats) { logits in
            unsafe table.cross_entropy(logits, targets, &losses, 3, columns, 0)
        }
        #expect(untouched.values == x.floats && losses == kept)
    }

    @Test(arguments: CPUType.available, oddSizes)
    func `AdamW follows its formula for several steps`(_ type: CPUType, count: Int) throws {
        let table = unsafe try Self.table(type)
        var w = Sample(count, seed: 1).rows[0]
        var (m, v) = (w.map { _ in 0.0 }, w.map { _ in 0.0 })
        var found = (Self.zeros(count), Self.zeros(count), w.map { Float($0) })
        for step in 1...4 {
            let g = Sample(count, seed: UInt64(10 + step))
            for i in 0..<count {
                Reference.adamW(
                    &w[i], gradient: g.rows[0][i] / 2, m: &m[i], v: &v[i], rate: 0.01, beta1: 0.9,
                    beta2: 0.95, epsilon: 1e-8, decay: 0.1, step: step)
            }
            let correction1 = 1 / (1 - pow(0.9, Double(step)))
            let correction2 = 1 / (1 - pow(0.95, Double(step)))
            var next = found
            let first = unsafe Self.guarded(found.0) { m in
                let second = unsafe Self.guarded(found.1) { v in
                    let weights = unsafe Self.guarded(found.2) { w in
                        unsafe table.adamw(
                            w, g.floats, m, v, count, 0.5, 0.01, 0.9, 0.95, 1e-8, 0.1,
                            Float(correction1), Float(correction2))
                    }
                    #expect(weights.guardsHold)
                    next.2 = weights.values
                }
                #expect(second.guardsHold)
                next.1 = second.values
            }
            #expect(first.guardsHold)
            next.0 = first.values
            found = next
        }
        // 1e-5: the constants 0.9, 0.95 and their corrections are rounded to Float.
        #expect(relativeError(found.0, m) <= 1e-5)
        #expect(relativeError(found.1, v) <= 1e-5)
        #expect(relativeError(found.2, w) <= 1e-5)
    }

    @Test(arguments: CPUType.available, [2, 8, 16, 20, 64])
    func `attention writes its head's columns only`(_ type: CPUType, headDim: Int) throws {
        let table = unsafe try Self.table(type)
        let (rows, past, stride) = (9, 60, (headDim + 15) / 16 * 16)
        let q = Sample(rows, headDim, seed: 1)
        let k = Sample(past + rows, headDim, seed: 2)
        let v = Sample(past + rows, headDim, seed: 3)
        var keys = Self.zeros(2 * 64 * headDim)
        var values = Self.zeros(2 * 64 * stride)
        for j in 0..<past + rows {
            for d in 0..<headDim {
                keys[j / 64 * 64 * headDim + d * 64 + j % 64] = Float(k.rows[j][d])
                values[j * stride + d] = Float(v.rows[j][d])
            }
        }
        let outStride = headDim + 5
        let sentinel = [Float](repeating: -77, count: rows * outStride)
        let scale = 1 / Float(headDim).squareRoot()
        let found = unsafe keys.withUnsafeBufferPointer { keys in
            unsafe values.withUnsafeBufferPointer { values in
                unsafe Self.guarded(sentinel) { y in
                    guard let keys = keys.baseAddress, let values = values.baseAddress else {
                        return
                    }
                    let sums = unsafe Self.guarded(Self.zeros(rows)) { sums in
                        unsafe table.attention(
                            q.floats, headDim, rows, past, headDim, [keys, keys + 64 * headDim],
                            [values, values + 64 * stride], stride, scale, y, outStride, sums)
                    }
                    #expect(sums.guardsHold)
                }
            }
        }
        #expect(found.guardsHold)
        let expected = Reference.attention(
            q: q.rows, k: k.rows, v: v.rows, heads: 1, keyValueHeads: 1, headDim: headDim)
        for r in 0..<rows {
            let row = found.values[r * outStride..<(r + 1) * outStride]
            #expect(relativeError(row.prefix(headDim), expected[r]) <= Self.summed)
            #expect(row.suffix(5).allSatisfy { $0 == -77 })
        }
    }
}
