public import ArgumentParser
public import ChoroyTensor

extension Precision: ExpressibleByArgument {}

/// `--precision`, for every command that trains.
struct PrecisionOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the factors of large products are rounded to: float32 or bfloat16.",
            discussion: "Default: bfloat16 where the CPU multiplies it faster."))
    var precision: Precision?

    func validate() throws {
        if precision == .bfloat16 && Precision.fastest != .bfloat16 {
            throw ValidationError(
                "--precision: expected float32, found bfloat16, which this CPU does not multiply")
        }
    }

    /// What was asked, else the faster.
    var chosen: Precision { precision ?? .fastest }
}
