import ChoroyModel
import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What `evaluate` says about a model and a text.
struct EvaluationReport {
    private let loaded: LoadedModel
    private let result: Evaluation
    private let isDocumentMode: Bool
    private let mixture: EvaluatedMixture?

    init(
        _ loaded: LoadedModel, _ result: Evaluation, isDocumentMode: Bool,
        mixture: EvaluatedMixture?
    ) {
        self.loaded = loaded
        self.result = result
        self.isDocumentMode = isDocumentMode
        self.mixture = mixture
    }

    private var countsSentences: Bool { loaded.endOfSentence != nil }

    /// The figures in a line, of a model of words in two, and what a mixture is made of.
    var lines: [String] {
        let first =
            result.scoresFirstToken
            ? "first token scored after the start of text" : "first token not scored"
        let line = [
            "bits per byte \(Self.bits(result))",
            "perplexity \(Figures.decimal(result.perplexity, 4)) per \(loaded.unit) "
                + "(\(result.convention.name), \(first))",
            "\(Figures.grouped(result.tokens)) \(loaded.unit)s"
                + (countsSentences ? " and sentence ends" : ""),
            "\(Figures.grouped(result.bytes)) bytes",
        ].joined(separator: " | ")
        return [line] + (countsSentences ? [sentenceLine] : []) + (mixture?.lines ?? [])
    }

    /// As KenLM says it, for a model that reads each sentence in one piece.
    private var isAsKenLM: Bool { mixture == nil && result.convention == .rolling(context: nil) }
    private var including: Double {
        isAsKenLM ? result.kenLM.perplexityIncludingUnknown : result.perplexity
    }
    private var excluding: Double {
        isAsKenLM ? result.kenLM.perplexityExcludingUnknown : result.perplexityOfKnown
    }

    private var sentenceLine: String {
        let name = isDocumentMode ? "document" : "sentence"
        return [
            "\(Figures.grouped(result.sentences)) \(name)\(result.sentences == 1 ? "" : "s")",
            "\(Figures.grouped(result.unknownTokens)) unknown words (their spelling is not counted)",
            "perplexity including them \(Figures.decimal(including, 4)), "
                + "excluding \(Figures.decimal(excluding, 4))",
            "ppl \(Figures.decimal(result.perplexityOfKnown, 4)), "
                + "ppl1 \(Figures.decimal(result.perplexityOfKnownWords, 4))",
        ].joined(separator: " | ")
    }

    /// "2.0557 ± 0.0294"
    static func bits(_ result: Evaluation) -> String {
        let error = result.standardError
        return Figures.decimal(result.bitsPerByte, 4)
            + (error.isNaN ? "" : " ± \(Figures.decimal(error, 4))")
    }

    var json: JSONValue {
        var object = JSONObject([
            ("model", .string(loaded.name)),
            ("adapter", loaded.adapters.first.map { .string($0.directory) } ?? .null),
            ("convention", .string(result.convention.name)),
            ("tokens", .integer(result.tokens)), ("bytes", .integer(result.bytes)),
            ("nats", .number(result.nats)),
            ("bits_per_byte", .number(result.bitsPerByte)),
            ("standard_error", .number(result.standardError)),
            ("perplexity", .number(result.perplexity)),
            ("unit", .string(loaded.unit)),
        ])
        if countsSentences {
            object.append("mode", .string(isDocumentMode ? "document" : "sentence"))
            object.append("sentences", .integer(result.sentences))
            object.append("words", .integer(result.tokens - result.sentences))
            object.append("oovs", .integer(result.unknownTokens))
            object.append("log10_probability", .number(-result.nats / M_LN10))
            object.append(
                "log10_probability_excluding_oov",
                .number((result.unknownNats - result.nats) / M_LN10))
            object.append("perplexity_including_oov", .number(including))
            object.append("perplexity_excluding_oov", .number(excluding))
            object.append("ppl", .number(result.perplexityOfKnown))
            object.append("ppl1", .number(result.perplexityOfKnownWords))
        }
        if let mixture { object.append("mixture", mixture.json) }
        return .object(object)
    }
}

/// A mixture of two models beside each of them alone, on one text.
struct EvaluatedMixture {
    /// What the mixture makes of the text.
    let result: Evaluation
    private let parts: [(name: String, result: Evaluation)]
    /// Shares of the second model: one, or one for each half of the text.
    private let shares: [Double]
    private let fittedTo: String?

    /// - Parameter share: Of the second model; nil for shares that suit the other half of the text.
    init(
        _ first: LoadedModel, _ second: LoadedModel, _ both: MixtureEvaluation, share: Double?,
        fittedTo: String?
    ) {
        parts = [(first.name, both.first), (second.name, both.second)]
        self.fittedTo = fittedTo
        if let share {
            shares = [share]
            result = both.mixed(weight: share)
        } else {
            let crossed = both.crossFitted
            shares = crossed.fits.map(\.weight)
            result = crossed.evaluation
        }
    }

    var lines: [String] {
        let share = shares.map { Figures.decimal($0, 4) }.joined(separator: " and ")
        let origin =
            shares.count > 1
            ? "each half of the text with the one that suits the other half"
            : fittedTo.map { "fitted to \($0)" } ?? "as given"
        return ["mixed: a share of \(share) of \(parts[1].name), \(origin)"]
            + parts.map { part in
                let gain = part.result.excess(over: result).map {
                    ", \(Figures.decimal($0.bitsPerByte, 4)) ± \(Figures.decimal($0.standardError, 4)) "
                        + "more than mixed"
                }
                return "  \(part.name) alone \(EvaluationReport.bits(part.result))\(gain ?? "")"
            }
    }

    var json: JSONValue {
        .object(
            JSONObject([
                ("shares", .array(shares.map { .number($0) })),
                ("fitted_to", fittedTo.map { .string($0) } ?? .null),
                (
                    "parts",
                    .array(
                        parts.map { part in
                            let excess = part.result.excess(over: result)
                            return .object(
                                JSONObject([
                                    ("model", .string(part.name)),
                                    ("bits_per_byte", .number(part.result.bitsPerByte)),
                                    ("standard_error", .number(part.result.standardError)),
                                    ("perplexity", .number(part.result.perplexity)),
                                    (
                                        "excess_bits_per_byte",
                                        excess.map { .number($0.bitsPerByte) } ?? .null
                                    ),
                                    (
                                        "excess_standard_error",
                                        excess.map { .number($0.standardError) } ?? .null
                                    ),
                                ]))
                        })
                ),
            ]))
    }
}
