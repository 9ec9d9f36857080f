import CChoroyKernels
import ChoroySystem
import ChoroyTensor
import Testing

@Suite struct `Matrix in bytes` {
    @Test(arguments: oddSizes)
    func `no weight is farther than half a scale`(_ depth: Int) {
        for spread in [1e-38, 1e-9, 0.02, 1, 3e38] {
            let w = Sample(5, depth, seed: UInt64(depth), spread: spread)
            let matrix = Int8Matrix(quantizing: w.tensor)
            let rounded = matrix.rows(0..<5)
            for row in 0..<5 {
                let scale = matrix.scales[row]
                for (value, near) in zip(w.tensor.row(row), rounded.row(row)) {
                    // In Float, as others will compute it, and exactly.
                    #expect((value - near).magnitude <= scale / 2)
                    #expect((Double(value) - Double(near)).magnitude <= Double(scale) / 2)
                }
            }
        }
    }

    @Test func `halves between two bytes keep the bound`() {
        // The largest is 127, so the scale is 1 and every half is between two bytes.
        let half: Float = 0.5
        let row: [Float] =
            [127] + (-126..<127).map { Float($0) + half } + [half.nextDown, half.nextUp]
        let w = Tensor(row, shape: [1, row.count])
        let matrix = Int8Matrix(quantizing: w)
        #expect(matrix.scales == [1])
        for (value, near) in zip(row, matrix.rows(0..<1).values) {
            #expect((value - near).magnitude <= 0.5 && near == near.rounded())
        }
    }

    @Test func `a row of zeros stays zero`() {
        let matrix = Int8Matrix(quantizing: Tensor([0, 0, 0, 1, -2, 0.5], shape: [2, 3]))
        #expect(matrix.scales[0] == 0 && matrix.rows(0..<1).values == [0, 0, 0])
        let y = matrix.multiply(Tensor([1, 2, 3], shape: [1, 3]))
        #expect(y.values[0] == 0 && abs(y.values[1] + 1.5) < 0.05)
    }

    @Test(arguments: [(1, 1), (15, 31), (16, 32), (17, 33), (64, 64), (65, 7), (130, 129)])
    func `bytes written and read again are the same matrix`(_ outputs: Int, _ depth: Int) {
        let w = Sample(outputs, depth, seed: 3)
        let matrix = Int8Matrix(quantizing: w.tensor)
        let bytes = unsafe [Int8](unsafeUninitializedCapacity: outputs * depth) { target, count in
            unsafe matrix.bytes(
                0..<outputs,
                into: UnsafeMutableBufferPointer(rebasing: target[..<(outputs * depth)]))
            count = outputs * depth
        }
        let again = unsafe Int8Matrix(outputs: outputs, depth: depth, scales: matrix.scales) {
            rows, target in
            unsafe _ = target.update(from: bytes[rows.lowerBound * depth..<rows.upperBound * depth])
        }
        #expect(bits(again.rows(0..<outputs)) == bits(matrix.rows(0..<outputs)))
        let x = Sample(3, depth, seed: 4).tensor
        #expect(bits(again.multiply(x)) == bits(matrix.multiply(x)))
        for (index, byte) in bytes.enumerated() {
            let expected = Float(byte) * matrix.scales[index / depth]
            #expect(
                matrix.rows(index / depth..<index / depth + 1).values[index % depth] == expected)
        }
    }

    @Test(arguments: oddSizes)
    func `the product is that of the reference`(_ size: Int) {
        for (rows, outputs, depth) in [(5, size, 70), (3, 17, size), (size, 33, 40)] {
            let (x, w) = (Sample(rows, depth, seed: 1, spread: 3), Sample(outputs, depth, seed: 2))
            let matrix = Int8Matrix(quantizing: w.tensor)
            let q = (0..<outputs).map { row in
                matrix.rows(row..<row + 1).values.map { Int(($0 / matrix.scales[row]).rounded()) }
            }
            let expected = Reference.int8Linear(
                x.tensor.matrix, q: q, scale: matrix.scales.map(Double.init),
                group: Int8Matrix.group)
            // Sums over five groups in Float; products of bytes are exact.
            #expect(relativeError(matrix.multiply(x.tensor), expected) <= 1e-6)
        }
    }

    @Test(arguments: [(1, 1), (65, 33), (100, 129), (64, 1500), (1000, 640)])
    func `a row has the same bits alone, among others and with any threads`(
        _ outputs: Int, _ depth: Int
    ) {
        let x = Sample(130, depth, seed: 1)
        let matrix = Int8Matrix(quantizing: Sample(outputs, depth, seed: 2).tensor)
        func product(_ range: Range<Int>) -> Tensor {
            matrix.multiply(
                Tensor(x.rows[range].joined().map { Float($0) }, shape: [range.count, depth]))
        }
        let whole = product(0..<130)
        for rows in [1, 2, 3, 5, 47, 49] {
            for first in [0, 100 - rows, 130 - rows] {
                let part = product(first..<first + rows)
                for row in 0..<rows { #expect(part.row(row) == whole.row(first + row)) }
            }
        }
    }

    @Test func `values that are no numbers stay so`() {
        let matrix = Int8Matrix(quantizing: Sample(20, 40, seed: 1).tensor)
        for value in [Float.nan, .infinity, -.infinity] {
            var x = [Float](repeating: 1, count: 80)
            x[35] = value
            let y = matrix.multiply(Tensor(x, shape: [2, 40]))
            #expect(y.row(0).allSatisfy(\.isNaN) && y.row(1).allSatisfy(\.isFinite))
        }
    }
}

/// The loops over bytes of each CPU type, called directly.
@Suite struct `C kernels for bytes` {
    @Test(arguments: CPUType.available, [0] + oddSizes)
    func `activations become the same bytes on every CPU`(_ type: CPUType, count: Int) throws {
        let table = unsafe try `C kernels`.table(type)
        for spread in [1e-36, 1e-3, 1, 1e20] {
            let x = Sample(1, count, seed: 7, spread: spread).floats
            let groups = (count + Int8Matrix.group - 1) / Int8Matrix.group
            var q = [Int8](repeating: 99, count: groups * Int8Matrix.group + 8)
            var scales = [Float](repeating: -1, count: groups + 1)
            var starts = [Int32](repeating: 77, count: groups + 1)
            unsafe table.int8_quantize(x, count, &q, &scales, &starts)
            for group in 0..<groups {
                let first = group * Int8Matrix.group
                let part = x[first..<min(count, first + Int8Matrix.group)]
                // What is all but zero becomes zero.
                let (scale, expected) =
                    spread < 1e-30 ? (0, part.map { _ in 0 }) : Reference.int8(part)
                #expect(scales[group] == scale)
                let found = q[first..<first + Int8Matrix.group].map { Int($0) }
                #expect(found == expected + Array(repeating: 0, count: 32 - part.count))
                #expect(starts[group] == Int32(-128 * expected.reduce(0, +)))
            }
            #expect(q.suffix(8).allSatisfy { $0 == 99 })
            #expect(scales[groups] == -1 && starts[groups] == 77)
        }
    }

    @Test(arguments: CPUType.available, [1, 2, 3, 4, 7])
    func `integers are exact, extremes included`(_ type: CPUType, rows: Int) throws {
        let table = unsafe try `C kernels`.table(type)
        var random = SeededRandom(seed: UInt64(rows))
        for columns in [16, 32, 48, 64] {
            for (groups, isExtreme) in [(0, false), (1, true), (1, false), (3, false), (4, true)] {
                let depth = groups * Int8Matrix.group
                let weights = (0..<depth * columns).map { _ in
                    isExtreme ? UInt8(random.below(2) * 255) : UInt8(random.below(256))
                }
                let x = (0..<rows * depth).map { _ in
                    isExtreme ? Int8(random.below(2) * 254 - 127) : Int8(random.below(255) - 127)
                }
                let starts = (0..<rows * groups).map { group in
                    x[group * Int8Matrix.group..<(group + 1) * Int8Matrix.group].reduce(Int32(0)) {
                        $0 - 128 * Int32($1)
                    }
                }
                let ones = [Float](repeating: 1, count: max(columns, rows * groups))
                let ldy = columns + 5
                let sentinel = [Float](repeating: -77, count: rows * ldy)
                let found = unsafe `C kernels`.guarded(sentinel) { y in
                    unsafe table.int8_multiply(
                        weights, ones, columns, x, ones, starts, y, ldy, rows, groups)
                }
                #expect(found.guardsHold)
                for r in 0..<rows {
                    for o in 0..<columns {
                        let exact = (0..<depth).reduce(0) { sum, k in
                            let w = weights[(k / 4 * columns + o) * 4 + k % 4]
                            return sum + (Int(w) - 128) * Int(x[r * depth + k])
                        }
                        #expect(found.values[r * ldy + o] == Float(exact))
                    }
                    #expect(
                        found.values[r * ldy + columns..<(r + 1) * ldy].allSatisfy { $0 == -77 })
                }
            }
        }
    }

    @Test func `scales come in after the integers`() throws {
        for type in CPUType.available {
            let table = unsafe try `C kernels`.table(type)
            // Weights 3 − 128 = −125 in columns of value 2: 32 · −125 · 2 = −8000 a group.
            let weights = [UInt8](repeating: 3, count: 64 * 16)
            let x = [Int8](repeating: 2, count: 64)
            let starts = [Int32](repeating: -128 * 64, count: 2)
            var y = [Float](repeating: 0, count: 16)
            unsafe table.int8_multiply(
                weights, [Float](repeating: 0.5, count: 16), 16, x, [0.25, 4], starts, &y, 16, 1, 2)
            #expect(y.allSatisfy { $0 == -17_000 })
        }
    }
}
