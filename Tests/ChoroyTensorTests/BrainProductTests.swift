import ChoroyTensor
import TestSupport
import Testing

/// Products in bfloat16 against the products of the rounded numbers.
@Suite(.enabled(if: CPUType.avx512bf16.isAvailable, "this CPU has no bfloat16 products"))
struct `A product in bfloat16` {
    /// The nearest bfloat16, of two equally near the even one.
    static func rounded(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
    }

    @Test(
        arguments: [
            (1, 1, 1), (2, 3, 2), (5, 16, 7), (7, 17, 33), (97, 63, 64), (6, 64, 65), (48, 80, 31),
            (13, 130, 1025), (193, 257, 2050), (3, 1000, 3),
        ], [0, 1, 2, 3])
    func `is the product of the rounded factors`(shape: (m: Int, n: Int, k: Int), form: Int) {
        let (m, n, k) = shape
        let left = Sample(m, k, seed: 1).floats
        let right = Sample(k, n, seed: 2).floats
        let transposedLeft = form & 1 != 0
        let transposedRight = form & 2 != 0
        let first = transposedLeft ? Self.transposed(left, m, k) : left
        let second = transposedRight ? Self.transposed(right, k, n) : right
        for accumulates in [false, true] {
            var c = [Float](repeating: 0.5, count: m * n)
            unsafe first.withUnsafeBufferPointer { x in
                unsafe second.withUnsafeBufferPointer { y in
                    unsafe c.withUnsafeMutableBufferPointer { c in
                        guard let x = x.baseAddress, let y = y.baseAddress, let c = c.baseAddress
                        else { return }
                        unsafe MatrixProduct.multiply(
                            transposedLeft ? .transposed(x) : .plain(x),
                            transposedRight ? .transposed(y) : .plain(y), into: c, m: m, n: n, k: k,
                            accumulate: accumulates, precision: .bfloat16)
                    }
                }
            }
            var worst = 0.0
            for i in 0..<m {
                for j in 0..<n {
                    var sum = accumulates ? 0.5 : 0.0
                    var size = 1.0
                    for l in 0..<k {
                        let term =
                            Double(Self.rounded(left[i * k + l]))
                            * Double(Self.rounded(right[l * n + j]))
                        sum += term
                        size += abs(term)
                    }
                    worst = max(worst, abs(sum - Double(c[i * n + j])) / size)
                }
            }
            #expect(worst < 1e-6)
        }
    }

    private static func transposed(_ values: [Float], _ rows: Int, _ columns: Int) -> [Float] {
        (0..<rows * columns).map { values[$0 % rows * columns + $0 / rows] }
    }
}
