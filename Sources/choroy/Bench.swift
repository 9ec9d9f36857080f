import ArgumentParser
import ChoroySystem
import ChoroyTensor

/// `choroy bench`: fixed cases, medians with minimum and maximum.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure speed on fixed cases.",
        subcommands: [
            BenchTokenizer.self, BenchGEMM.self, BenchTrain.self, BenchDecode.self,
            BenchNGram.self,
        ])
}

/// Options and output that all benchmarks share.
struct BenchOptions: ParsableArguments {
    @Option(help: "Threads. Default: all cores.")
    var threads: Int?
    @Option(help: "CPU type whose kernels run: portable, avx2 or avx512. Default: the fastest.")
    var cpu: String?
    @Flag(help: "One JSON object a line.")
    var json = false

    func validate() throws {
        guard (1...256).contains(threads ?? 1) else {
            throw ValidationError("--threads: expected 1 to 256, found \(threads ?? 0)")
        }
        if let cpu {
            guard let type = CPUType(rawValue: cpu), type.isAvailable else {
                let known = CPUType.allCases.filter(\.isAvailable).map(\.rawValue)
                throw ValidationError(
                    "--cpu: expected one of \(known.joined(separator: ", ")), found \(cpu)")
            }
        }
    }

    /// Sets threads and kernels, and prints the machine line.
    func begin() {
        if let threads { ThreadPool.shared.setThreadCount(threads) }
        if let type = cpu.flatMap(CPUType.init) { Kernels.use(type) }
        guard !json else { return }
        print(
            "\(Machine.cpuName), \(ThreadPool.shared.threadCount) threads, "
                + "\(Kernels.current.rawValue) kernels")
    }

    /// Prints the median of `values`, with minimum and maximum.
    func report(
        _ name: String, metric: String, unit: String, _ values: [Double], precision: String
    ) {
        let sorted = values.sorted()
        guard let low = sorted.first, let high = sorted.last else { return }
        let median = sorted[sorted.count / 2]
        if json {
            let object = JSONObject([
                ("case", .string(name)), ("metric", .string(metric)), ("value", .number(median)),
                ("unit", .string(unit)), ("min", .number(low)), ("max", .number(high)),
                ("runs", .integer(values.count)),
                ("threads", .integer(ThreadPool.shared.threadCount)),
                ("precision", .string(precision)),
            ])
            print(JSONWriter.string(.object(object)))
        } else {
            func text(_ value: Double) -> String {
                value >= 1000 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
            }
            print("\(name)  \(metric)  \(text(median)) \(unit)  (\(text(low)) to \(text(high)))")
        }
    }
}
