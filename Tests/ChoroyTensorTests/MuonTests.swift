import ChoroySystem
import ChoroyTensor
import TestSupport
import Testing

@Suite struct `Muon` {
    @Test func `five steps follow PyTorch's`() throws {
        let path = FilePath.join(
            Fixtures.packageRoot, "Tests/ChoroyTensorTests/Golden/muon.json")
        let golden = try JSONReader.parse(FileBytes.read(path), path: path)
        func floats(_ value: JSONValue?) throws -> [Float] {
            try #require(value?.array).map { Float($0.double ?? .nan) }
        }
        let options = try #require(golden["options"])
        func option(_ key: String) throws -> Float { Float(try #require(options[key]?.double)) }
        let cases = try #require(golden["cases"]?.array)
        #expect(cases.count == 3)
        for golden in cases {
            let shape = try #require(golden["shape"]?.array).compactMap(\.integer)
            let parameter = Parameter(
                name: "w", Tensor(try floats(golden["start"]), shape: shape))
            var moments = MuonMoments(for: [parameter])
            var gradients = Gradients(for: [parameter])
            for slope in try #require(golden["gradients"]?.array) {
                gradients.reset()
                gradients.add(Tensor(try floats(slope), shape: shape), to: parameter)
                moments.update(
                    with: gradients,
                    MuonCoefficients(
                        learningRate: try option("lr"), momentum: try option("momentum"),
                        weightDecay: try option("weight_decay")))
            }
            // 1e-4: the iteration magnifies roundings of small singular values by up to 3.4 a turn.
            let end = try floats(golden["end"]).map(Double.init)
            #expect(relativeError(parameter.value.values, end) <= 1e-4, "\(shape)")
            let mean = try floats(golden["momentum"]).map(Double.init)
            #expect(relativeError(moments.values(0).values, mean) <= 1e-5, "\(shape)")
        }
    }

    /// Five turns leave values from 0.68 to 1.21 for all that were not tiny.
    @Test(arguments: [(1, 1), (2, 3), (16, 16), (7, 33), (65, 20), (96, 256)])
    func `orthogonalized rows are nearly orthonormal`(rows: Int, columns: Int) {
        var values = Sample(rows, columns, seed: 5).floats
        // A strong diagonal keeps the singular values away from 0.
        for i in 0..<min(rows, columns) { values[i * columns + i] += 8 }
        unsafe values.withUnsafeMutableBufferPointer { buffer in
            guard let x = buffer.baseAddress else { return }
            unsafe Orthogonalization.apply(
                to: x, rows: rows, columns: columns, precision: .float32)
        }
        // For any v, |vᵀ X| / |v| lies between the smallest and the largest singular value.
        let side = min(rows, columns)
        for trial in 0..<8 {
            let v = Sample(side, seed: UInt64(trial)).rows[0]
            var product = [Double](repeating: 0, count: max(rows, columns))
            for i in 0..<rows {
                for j in 0..<columns {
                    let (short, long) = rows <= columns ? (i, j) : (j, i)
                    product[long] += v[short] * Double(values[i * columns + j])
                }
            }
            func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            let stretch = norm(product) / norm(v)
            #expect(stretch > 0.6 && stretch < 1.3, "\(stretch)")
        }
    }

    @Test func `a rotation that is stretched becomes the rotation`() {
        // 5 · (cos, −sin; sin, cos): its polar factor is the rotation; both singular values go the
        // same way, so what comes is a multiple of it.
        var x: [Float] = [4, -3, 3, 4]
        unsafe x.withUnsafeMutableBufferPointer { buffer in
            guard let x = buffer.baseAddress else { return }
            unsafe Orthogonalization.apply(to: x, rows: 2, columns: 2, precision: .float32)
        }
        let size = (x[0] * x[0] + x[2] * x[2]).squareRoot()
        #expect(size > 0.68 && size < 1.21)
        for (found, expected) in zip(x, [0.8, -0.6, 0.6, 0.8] as [Float]) {
            #expect(abs(found / size - expected) < 1e-5)
        }
    }

    @Test func `a matrix without a gradient, or with a gradient of zeros, does not move`() {
        let (a, b) = (Sample(3, 5, seed: 1).parameter("a"), Sample(4, 4, seed: 2).parameter("b"))
        let before = (bits(a.value), bits(b.value))
        var moments = MuonMoments(for: [a, b])
        moments.update(
            with: Gradients(for: [b]),
            MuonCoefficients(learningRate: 0.1, momentum: 0.9, weightDecay: 0))
        #expect(a.version == 0 && bits(a.value) == before.0 && bits(b.value) == before.1)
    }
}
