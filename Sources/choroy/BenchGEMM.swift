import ArgumentParser
import ChoroySystem
import ChoroyTensor

/// `choroy bench gemm`: matrix products, y [M, N] = x [M, K] · wᵀ.
struct BenchGEMM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gemm", abstract: "Matrix products of the shapes that models have.",
        discussion: """
            y [M, N] = x [M, K] · wᵀ; a case is named MxNxK. forward, input gradient and weight \
            gradient: the three products of training, with all packing; packed: as in generation and \
            scoring, in float32 with the weight packed beforehand. With M = 1 the weight is read once \
            for each product.

            Example: choroy bench gemm --case 4096x768x768 --threads 1
            """)

    @Option(
        name: .customLong("case"),
        help: "Case to run, as MxNxK; may be repeated. Default: the shapes of usual models.")
    var cases: [String] = []
    @Option(help: "Timed runs; the median is reported.")
    var runs = 5
    @OptionGroup var precisionOption: PrecisionOption
    @OptionGroup var common: BenchOptions

    private static let usual = [
        "1024x384x384", "1024x1536x384", "4096x576x576", "4096x1536x576", "2048x576x1536",
        "4096x768x768", "4096x3072x768", "4096x768x3072", "2048x8192x384", "1024x32768x576",
        "1024x49152x576", "4096x1024x384", "768x352x128", "768x128x128", "8x1536x576",
        "1x1536x576", "1x49152x576", "1x49152x1536",
    ]

    private struct Shape {
        let rows: Int
        let outputs: Int
        let depth: Int

        init?(_ name: String) {
            let numbers = name.split(separator: "x", omittingEmptySubsequences: false)
                .map { Int($0) ?? 0 }
            guard numbers.count == 3, numbers.allSatisfy({ 1...1 << 20 ~= $0 }),
                numbers[0] * numbers[1] <= 1 << 30, numbers[1] * numbers[2] <= 1 << 30,
                numbers[0] * numbers[2] <= 1 << 30
            else { return nil }
            (rows, outputs, depth) = (numbers[0], numbers[1], numbers[2])
        }
    }

    func validate() throws {
        guard runs > 0 else { throw ValidationError("--runs: expected at least 1, found \(runs)") }
        for name in cases where Shape(name) == nil {
            throw ValidationError(
                "--case: expected MxNxK with matrices of at most 2³⁰ elements, found \(name)")
        }
    }

    func run() throws {
        common.begin()
        for name in cases.isEmpty ? Self.usual : cases {
            if let shape = Shape(name) { measure(name, shape) }
        }
    }

    private func measure(_ name: String, _ shape: Shape) {
        let x = Self.random(shape.rows, shape.depth, seed: 1)
        let weight = Self.random(shape.outputs, shape.depth, seed: 2)
        let parameter = Parameter(name: "weight", weight)
        let recorded = parameter.value(recording: true)
        let frozen = parameter.value
        let operations = 2 * Double(shape.rows) * Double(shape.outputs) * Double(shape.depth)
        let precision = precisionOption.chosen
        func report(_ metric: String, _ precision: Precision, _ product: () -> Void) {
            let rates = seconds(product).map { operations / $0 / 1e9 }
            common.report(
                name, metric: "\(metric)_gflops", unit: "GFLOP/s", rates,
                precision: precision.rawValue)
        }
        report("forward", precision) { _ = linear(x, recorded, precision: precision) }
        if shape.rows > 1 {
            var gradients = Gradients(for: [parameter])
            let dy = Self.random(shape.rows, shape.outputs, seed: 3)
            report("input_gradient", precision) {
                _ = inputGradient(dy: dy, weight: weight, precision: precision)
            }
            report("weight_gradient", precision) {
                _ = weightGradient(
                    dy: dy, x: x, weight: recorded, precision: precision, into: &gradients)
            }
        }
        report("packed", .float32) { _ = linear(x, frozen) }
        if shape.rows == 1 {
            let bytes = Double(weight.count * MemoryLayout<Float>.size)
            common.report(
                name, metric: "packed_bytes_per_second", unit: "bytes/s",
                seconds { _ = linear(x, frozen) }.map { bytes / $0 }, precision: "float32")
        }
    }

    /// Seconds of one product in each run; a run repeats it for at least 50 milliseconds.
    private func seconds(_ product: () -> Void) -> [Double] {
        product()
        let start = Machine.now()
        product()
        let repetitions = max(1, Int(0.05 / max(1e-7, Machine.now() - start)))
        return (0..<runs).map { _ in
            let start = Machine.now()
            for _ in 0..<repetitions { product() }
            return (Machine.now() - start) / Double(repetitions)
        }
    }

    private static func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Tensor {
        var random = SeededRandom(seed: seed)
        return Tensor(
            (0..<rows * columns).map { _ in Float(random.uniform() - 0.5) }, shape: [rows, columns])
    }
}
