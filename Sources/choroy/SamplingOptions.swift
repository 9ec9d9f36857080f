import ArgumentParser
import ChoroyGeneration

/// How tokens are drawn, for every command that generates text.
struct SamplingOptions: ParsableArguments {
    @Option(
        help: """
            Above 1 more surprising, below 1 more predictable; 0 always takes the likeliest token \
            (default: 0.8).
            """)
    var temperature: Double?

    @Option(help: "Draw among the K likeliest tokens; 0 for all (default: 40).")
    var topK: Int?

    @Option(
        help: """
            Draw among the likeliest tokens that together have probability P; 1 for all (default: 0.95).
            """)
    var topP: Double?

    @Option(
        help: """
            Draw among tokens at least P times as probable as the likeliest; 0 for all (default: 0.05).
            """)
    var minP: Double?

    @Option(help: "Make tokens seen lately less likely; 1.1 does a little (default: 1).")
    var repeatPenalty: Double?

    @Option(help: "How many tokens back --repeat-penalty looks (default: 64).")
    var repeatWindow: Int?

    @Option(help: "The same seed gives the same text (default: another one each time).")
    var seed: UInt64?

    /// What was asked, with a seed of chance when none was given.
    var parameters: SamplingParameters { applied(to: SamplingParameters()) }

    /// `parameters` with what was asked in their place, and a seed of chance when none was given.
    func applied(to parameters: SamplingParameters) -> SamplingParameters {
        var parameters = parameters
        if let temperature { parameters.temperature = temperature }
        if let topK { parameters.topK = topK }
        if let topP { parameters.topP = topP }
        if let minP { parameters.minP = minP }
        if let repeatPenalty { parameters.repeatPenalty = repeatPenalty }
        if let repeatWindow { parameters.repeatWindow = repeatWindow }
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
