import ArgumentParser
import ChoroyGeneration

/// How tokens are drawn, for every command that generates text.
struct SamplingOptions: ParsableArguments {
    private static let standard = SamplingParameters()

    @Option(
        help:
            "Above 1 more surprising, below 1 more predictable; 0 always takes the likeliest token."
    )
    var temperature = Self.standard.temperature

    @Option(help: "Draw among the K likeliest tokens; 0 for all.")
    var topK = Self.standard.topK

    @Option(help: "Draw among the likeliest tokens that together have probability P; 1 for all.")
    var topP = Self.standard.topP

    @Option(help: "Draw among tokens at least P times as probable as the likeliest; 0 for all.")
    var minP = Self.standard.minP

    @Option(help: "Make tokens seen lately less likely; 1 changes nothing, 1.1 a little.")
    var repeatPenalty = Self.standard.repeatPenalty

    @Option(help: "How many tokens back --repeat-penalty looks.")
    var repeatWindow = Self.standard.repeatWindow

    @Option(help: "The same seed gives the same text (default: another one each time).")
    var seed: UInt64?

    /// What was asked, with a seed of chance when none was given.
    var parameters: SamplingParameters {
        var parameters = Self.standard
        parameters.temperature = temperature
        parameters.topK = topK
        parameters.topP = topP
        parameters.minP = minP
        parameters.repeatPenalty = repeatPenalty
        parameters.repeatWindow = repeatWindow
        // Half of the range, so that the number is a JSON integer everywhere.
        parameters.seed = seed ?? UInt64.random(in: 0..<1 << 32)
        return parameters
    }

    func validate() throws {
        do {
            try parameters.validate()
        } catch {
            throw ValidationError("--\(error)")
        }
    }
}
