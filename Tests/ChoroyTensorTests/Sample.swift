import ChoroySystem
import ChoroyTensor

/// Random numbers for one tensor, exactly the same in `Float` and `Double`.
struct Sample {
    let shape: [Int]
    /// All axes but the last, multiplied; each row as long as the last axis.
    var rows: [[Double]]

    /// Uniform in −spread … spread.
    init(_ shape: Int..., seed: UInt64, spread: Double = 1) {
        self.shape = shape
        var random = SeededRandom(seed: seed)
        rows = (0..<shape.dropLast().reduce(1, *)).map { _ in
            (0..<(shape.last ?? 1)).map { _ in
                Double(Float((random.uniform() * 2 - 1) * spread))
            }
        }
    }

    var count: Int { shape.reduce(1, *) }
    var floats: [Float] { rows.joined().map { Float($0) } }
    var tensor: Tensor { Tensor(floats, shape: shape) }

    func parameter(_ name: String = "sample") -> Parameter { Parameter(name: name, tensor) }
}

extension Tensor {
    /// Rows of a matrix as `Double`.
    var matrix: [[Double]] {
        let (values, width) = (values, shape.last ?? 1)
        return (0..<(width == 0 ? 0 : count / width)).map { r in
            values[r * width..<(r + 1) * width].map(Double.init)
        }
    }
}

/// max |found − expected| / (max |expected| + 1e-6); infinite when counts differ or a number is NaN.
func relativeError(_ found: some Collection<Float>, _ expected: some Collection<Double>) -> Double {
    guard found.count == expected.count else { return .infinity }
    var (difference, largest) = (0.0, 0.0)
    for (a, b) in zip(found, expected) {
        guard !a.isNaN, !b.isNaN else { return .infinity }
        difference = max(difference, abs(Double(a) - b))
        largest = max(largest, abs(b))
    }
    return difference / (largest + 1e-6)
}

func relativeError(_ found: Tensor, _ expected: [[Double]]) -> Double {
    relativeError(found.values, expected.flatMap { $0 })
}

/// The bits of all elements: equal only when every element is the same, zeros' signs and NaN included.
func bits(_ tensor: Tensor) -> [UInt32] { tensor.values.map(\.bitPattern) }

/// Lengths around the vector width of 16 and the panel width of 64.
let oddSizes = [1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129]

extension CPUType {
    /// The types that this machine can run.
    static var available: [CPUType] { allCases.filter(\.isAvailable) }
}
