import ChoroyModel
import ChoroySystem
import ChoroyText

/// A model as a command takes it: by its path, whatever kind it is.
struct LoadedModel {
    /// What it is called in output: the path.
    let name: String
    /// The model as it was trained, without an adapter.
    let base: any LanguageModel & Sendable
    let encoding: any TextEncoding
    /// What precedes the first token of a text; nil when the model has no such mark.
    let startOfText: TokenID?
    /// What ends a text when the model produces it; none when texts have no end of their own.
    let endOfText: Set<TokenID>
    /// The token that stands for everything the vocabulary does not have; its bytes are lost.
    let unknownToken: TokenID?
    /// Tokens that the model can look back on; nil when it has no limit of its own.
    let contextLength: Int?
    /// What a token is: "token", "word", "character" or "byte".
    let unit: String

    /// The adapters that were asked for, in the order given.
    var adapters: [NamedAdapter] = []
    /// The model with the first adapter, or without when there is none.
    let model: any LanguageModel & Sendable

    /// An adapter, and the model with it.
    struct NamedAdapter {
        let name: String
        let directory: String
        let adapted: () throws -> any LanguageModel & Sendable
    }

    /// The model with the adapter of this name, nil for none.
    ///
    /// The change is folded into matrices of floats, which costs their memory once more and then no
    /// time; matrices in bytes stay as they are, and the adapter works beside them.
    /// - Throws: `FileError` that lists the names when there is no such adapter.
    func attaching(adapter name: String?) throws -> any LanguageModel & Sendable {
        guard let name else { return base }
        guard let attached = adapters.first(where: { $0.name == name }) else {
            let names = adapters.map(\.name).joined(separator: ", ")
            throw FileError(
                "adapter", expected: adapters.isEmpty ? "--adapter DIR at the start" : names,
                found: name)
        }
        return try attached.adapted()
    }

    /// Where to look for the chat template of the model with this adapter: the adapter's directory
    /// first.
    func templatePlaces(adapter name: String?) -> [String] {
        adapters.filter { $0.name == name }.map(\.directory) + [self.name]
    }

    /// The model at `path`, recognised by its content, with `adapters` to choose from.
    ///
    /// - Parameter textSize: Bytes of text to come: for a long one an n-gram file is mapped whole.
    static func load(
        _ path: String, adapters: [AdapterOptions.Place] = [], textSize: Int = 0
    ) throws -> LoadedModel {
        switch FilePath.kind(of: path) {
        case .directory:
            return try transformer(path, adapters)
        default:
            if let adapter = adapters.first {
                throw FileError(
                    path, expected: "a model directory for adapter \(adapter.directory)",
                    found: "a file")
            }
            if try isIndex(path) { return try infiniGram(path) }
            return try ngramModel(path, textSize: textSize)
        }
    }

    private static func transformer(_ path: String, _ adapters: [AdapterOptions.Place]) throws
        -> LoadedModel
    {
        guard FilePath.kind(of: FilePath.join(path, "config.json")) == .file else {
            throw FileError(path, expected: "a model", found: "a directory without config.json")
        }
        let directory = try ModelDirectory(contentsOf: path)
        let config = directory.config
        let model = try Transformer(config, from: directory.weights, isFrozen: true)
        let named = try adapters.map { place in
            let adapter = try Adapter(contentsOf: place.directory)
            try model.check(adapter)
            return NamedAdapter(name: place.name, directory: place.directory) {
                model.isFloat ? try model.merging(adapter) : try model.attaching(adapter)
            }
        }
        return LoadedModel(
            name: path, base: model, encoding: directory.tokenizer,
            startOfText: config.bosTokenId.map { TokenID($0) },
            endOfText: Set(
                (config.eosTokenId + directory.generation.eosTokenId).map { TokenID($0) }),
            unknownToken: nil,
            contextLength: config.maxPositionEmbeddings, unit: "token", adapters: named,
            model: try named.first?.adapted() ?? model)
    }

    /// Whether the file is a `.ngram` file, by its first bytes.
    static func isNGramFile(_ path: String) throws -> Bool {
        NGramFile.recognizes(try FileBytes.start(of: path, count: 8))
    }

    /// The n-gram model in a file, and the tokenizer that its tokens are of.
    static func ngram(_ path: String, textSize: Int = 0) throws -> (
        NGramModel, NGramVocabulary, Tokenizer?
    ) {
        var found: Tokenizer?
        func tokenizer(_ hash: String?) throws -> Tokenizer {
            let place = NGram.tokenizerPath(of: path, hash: hash)
            let tokenizer = try Tokenizer(contentsOf: place)
            guard hash == nil || hash == tokenizer.hash else {
                throw FileError(
                    place, expected: "the tokenizer of \(path) (hash \(hash?.prefix(12) ?? ""))",
                    found: "another (hash \(tokenizer.hash.prefix(12)))")
            }
            found = tokenizer
            return tokenizer
        }
        if try isNGramFile(path) {
            let (model, vocabulary) = try NGramFile.open(
                path, textSize: textSize, tokenizer: tokenizer)
            return (model, vocabulary, found)
        }
        let bytes = try FileBytes.read(path)
        guard ARPAReader.recognizes(bytes) else {
            throw FileError(path, expected: "a model", found: "a file of another kind")
        }
        var progress = NGramProgress()
        defer { progress.clear() }
        let (model, vocabulary) = try ARPAReader.read(
            bytes, path: path, progress: { progress.update($0, $1, $2) }, tokenizer: tokenizer)
        return (model, vocabulary, found)
    }

    private static func ngramModel(_ path: String, textSize: Int) throws -> LoadedModel {
        let (model, vocabulary, _) = try ngram(path, textSize: textSize)
        return Self.model(model, of: vocabulary, path)
    }

    /// A model of the tokens of `vocabulary`, whatever they are.
    private static func model(
        _ model: any LanguageModel & Sendable, of vocabulary: NGramVocabulary, _ path: String
    ) -> LoadedModel {
        LoadedModel(
            name: path, base: model, encoding: vocabulary, startOfText: vocabulary.endToken,
            endOfText: vocabulary.unit == .word
                ? [] : Set([vocabulary.endToken].compactMap { $0 }),
            unknownToken: vocabulary.unknownToken, contextLength: nil,
            unit: vocabulary.unit.rawValue, model: model)
    }

    /// Whether the file is the index of a text, by its first bytes.
    static func isIndex(_ path: String) throws -> Bool {
        TextIndex.recognizes(try FileBytes.start(of: path, count: 8))
    }

    private static func infiniGram(_ path: String) throws -> LoadedModel {
        let model = InfiniGram(try TextIndex(path: path))
        return Self.model(model, of: model.index.vocabulary, path)
    }

    /// The documents of `corpus` as the model is scored on them.
    func texts(_ corpus: Corpus, joinsLines: Bool = false) -> [EvaluationText] {
        EvaluationText.texts(corpus.documents, encoding: encoding, joinsLines: joinsLines)
    }
}
