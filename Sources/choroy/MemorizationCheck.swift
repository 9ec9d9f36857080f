import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining

/// Whether a model has learned its text by heart rather than the language: what it writes is looked up
/// in the text, and what it expects is compared with what a 4-gram of the text expects.
struct MemorizationCheck {
    /// Share of what the model writes that stands in the text word for word, in spans of at least
    /// `spanLength` tokens; and of the text held back, which a model that copies nothing equals.
    let copied: Double
    let copiedByHeldOut: Double
    let spanLength: Int
    /// The longest span that the model copied.
    let longest: String
    /// Share of the model's first choices on text held back that are the 4-gram's too.
    let explained: Double

    /// Nil for a model that has nothing to begin with or to be compared on.
    init?(_ model: Transformer, _ session: TrainingSession, heldOut: [ArraySlice<UInt8>]) {
        let (tokenizer, tokens) = (session.tokenizer, session.tokens)
        let texts = heldOut.map { tokenizer.encode(Array($0)) }
        guard let start = tokenizer.id(ofSpecial: Corpus.separator) ?? tokens.first,
            texts.contains(where: { $0.count > 1 })
        else { return nil }
        // About fifty bytes: longer than a usual phrase.
        let bytes = session.split.training.reduce(0) { $0 + $1.count }
        spanLength = max(8, 50 * tokens.count / max(1, bytes))
        let memorization = Memorization(training: tokens, spanLength: spanLength)
        let length = max(64, 2 * spanLength)
        let samples = (UInt64(1)...4).compactMap { seed -> [TokenID]? in
            var parameters = SamplingParameters()
            parameters.seed = seed
            guard let sampler = try? Sampler(parameters) else { return nil }
            let generator = TokenGenerator(
                model, prompt: [start], sampler: sampler, maxTokens: length,
                stopTokens: [], contextLength: session.plan.context)
            return Array(generator)
        }
        let found = memorization.verbatim(samples)
        copied = found.share
        longest = String(decoding: tokenizer.decode(found.longest), as: UTF8.self)
        copiedByHeldOut = memorization.verbatim(texts).share
        var (agreeing, all) = (0.0, 0)
        for text in texts where all < 2048 {
            let window = Array(text.prefix(session.plan.context))
            guard !window.isEmpty else { continue }
            let choices = Self.choices(model, after: window)
            agreeing += memorization.explained(choices, after: window) * Double(choices.count)
            all += choices.count
        }
        explained = all == 0 ? 0 : agreeing / Double(all)
    }

    /// The likeliest token after each of `tokens`.
    private static func choices(_ model: Transformer, after tokens: [TokenID]) -> [TokenID] {
        var states = [model.initialState()]
        let logits = model.logits([tokens], states: &states, at: .all).values
        let width = logits.count / tokens.count
        return tokens.indices.map { row in
            let values = logits[row * width..<(row + 1) * width]
            let largest = values.max() ?? 0
            return TokenID((values.firstIndex(of: largest) ?? 0) - row * width)
        }
    }

    /// Whether the model copies more than its text repeats itself.
    var isAlarming: Bool { copied > copiedByHeldOut + 0.25 }

    var lines: [String] {
        var lines = [
            "by heart: \(Self.percent(copied)) of what it writes is in the text word for word, in "
                + "spans of \(spanLength) tokens or more (text held back: "
                + "\(Self.percent(copiedByHeldOut))); \(Self.percent(explained)) of its first choices "
                + "are a 4-gram's"
        ]
        if isAlarming {
            let line = longest.split(whereSeparator: \.isNewline).joined(separator: " / ")
            lines.append(
                "warning: the model recites its text, such as \""
                    + TerminalText.visible(String(line.prefix(100)))
                    + "\"; more text, --dropout or fewer steps help")
        }
        return lines
    }

    private static func percent(_ share: Double) -> String {
        "\(Figures.decimal(100 * share, 0)) %"
    }

    var json: JSONValue {
        .object(
            JSONObject([
                ("copied", .number(copied)), ("copied_by_held_out", .number(copiedByHeldOut)),
                ("span_tokens", .integer(spanLength)), ("longest", .string(longest)),
                ("explained_by_4_gram", .number(explained)), ("alarm", .bool(isAlarming)),
            ]))
    }
}
