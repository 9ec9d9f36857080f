import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

/// `--mix` and how much of it, for commands that predict with a mixture of two models.
struct MixOptions: ParsableArguments {
    @Option(
        name: .customLong("mix"),
        help: ArgumentHelp(
            "A model of the same tokens to be mixed in, such as an n-gram model.", valueName: "m"))
    var path: String?

    @Option(
        name: .customLong("mix-weight"),
        help: ArgumentHelp("The share of the model mixed in, 0 to 1.", valueName: "w"))
    var weight: Double?

    @Option(
        name: .customLong("mix-fit"),
        help: ArgumentHelp(
            "A text, not the one to be judged by, whose best share is taken.", valueName: "text"))
    var fit: String?

    func validate() throws {
        if let weight, !(0...1 ~= weight) {
            throw ValidationError("--mix-weight: expected 0 to 1, found \(weight)")
        }
        if path == nil, weight != nil || fit != nil {
            throw ValidationError("--mix-weight and --mix-fit go with --mix MODEL")
        }
        if weight != nil && fit != nil {
            throw ValidationError("--mix-weight and --mix-fit exclude each other")
        }
    }

    /// The model that is to be mixed into `loaded`; nil when none was asked for.
    ///
    /// - Throws: `FileError` that says of what tokens each is, when they are not the same.
    func partner(of loaded: LoadedModel) throws -> LoadedModel? {
        guard let path else { return nil }
        let partner = try LoadedModel.load(path)
        guard partner.sharesTokens(with: loaded) else {
            throw FileError(
                path, expected: "a model of the tokens of \(loaded.name) (\(loaded.tokensInWords))",
                found: "one of others (\(partner.tokensInWords))")
        }
        return partner
    }

    /// The share of `partner` that was asked for, fitted to the text of `--mix-fit` if that was; else nil.
    func share(
        of partner: LoadedModel, in loaded: LoadedModel, _ convention: EvaluationConvention
    ) throws -> Double? {
        guard let fit else { return weight }
        let texts = loaded.texts(try Corpus(at: [fit]))
        let result = loaded.evaluation(with: partner, on: texts, convention)
        guard result.first.tokens > 0 else {
            throw FileError(fit, expected: "a token that can be scored", found: "none")
        }
        return result.fit.weight
    }
}

extension LoadedModel {
    /// Whether an id is the same token in both models.
    func sharesTokens(with other: LoadedModel) -> Bool {
        guard model.vocabularySize == other.model.vocabularySize else { return false }
        let (own, others) = (innerEncoding, other.innerEncoding)
        if let own = own as? Tokenizer, let others = others as? Tokenizer {
            return own.hash == others.hash
        }
        return unit == other.unit && own.vocabularySize == others.vocabularySize
            && (0..<TokenID(own.vocabularySize)).allSatisfy {
                own.bytes(of: $0) == others.bytes(of: $0)
            }
    }

    /// The tokenizer behind the model's ids, or what else they stand for.
    private var innerEncoding: any TextEncoding {
        (encoding as? NGramVocabulary)?.tokenizer ?? encoding
    }

    /// "512 tokens, tokenizer 0123456789ab"
    fileprivate var tokensInWords: String {
        let count = "\(Figures.grouped(model.vocabularySize)) \(unit)s"
        guard let tokenizer = innerEncoding as? Tokenizer else { return count }
        return "\(count), tokenizer \(tokenizer.hash.prefix(12))"
    }

    /// Tokens that both models can look back on.
    func commonContext(with partner: LoadedModel) -> Int? {
        [contextLength, partner.contextLength].compactMap(\.self).min()
    }

    /// The model with a share of `partner` mixed in.
    func mixing(_ partner: LoadedModel, share: Double) -> LoadedModel {
        func mixed(
            _ first: some LanguageModel & Sendable, _ second: some LanguageModel & Sendable
        ) -> any LanguageModel & Sendable { Mixture(first, second, weight: share) }
        return LoadedModel(
            name: name, base: mixed(base, partner.model), encoding: encoding,
            startOfText: startOfText, endOfText: endOfText, unknownToken: unknownToken,
            contextLength: commonContext(with: partner), unit: unit, adapters: adapters,
            model: mixed(model, partner.model))
    }

    /// What `texts` cost the model, and what they cost `partner`.
    func evaluation(
        with partner: LoadedModel, on texts: [EvaluationText], _ convention: EvaluationConvention
    ) -> MixtureEvaluation {
        let total = 2 * texts.reduce(0) { $0 + $1.tokens.count }
        var progress = Progress("evaluating both", total: total, unit: "\(unit)s")
        defer { progress.clear() }
        func evaluate(_ first: some LanguageModel, _ second: some LanguageModel)
            -> MixtureEvaluation
        {
            MixtureEvaluation(
                first, second, on: texts, convention: convention, startToken: startOfText,
                unknownToken: unknownToken, endToken: endOfSentence
            ) { progress.update($0) }
        }
        return evaluate(model, partner.model)
    }

    /// The token that ends a sentence of a text; nil when only the text ends.
    var endOfSentence: TokenID? { unit == "word" ? startOfText : nil }
}
