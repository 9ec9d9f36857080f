public import ChoroySystem

/// What a model's `generation_config.json` proposes for sampling; nil where it says nothing.
///
/// Properties are Hugging Face's keys in lowerCamelCase. Keys that are not here are ignored, as
/// they only ever propose.
public struct GenerationConfig: Sendable, Equatable {
    public var bosTokenId: Int?
    /// Tokens that end a text; the file has an integer, a list or null.
    public var eosTokenId: [Int] = []
    public var doSample: Bool?
    public var temperature: Double?
    public var topK: Int?
    public var topP: Double?
    public var minP: Double?
    public var repetitionPenalty: Double?
    /// Longest continuation in tokens.
    public var maxNewTokens: Int?

    public init(bosTokenId: Int? = nil, eosTokenId: [Int] = []) {
        self.bosTokenId = bosTokenId
        self.eosTokenId = eosTokenId
    }

    /// - Throws: `FileError` for a file that is no JSON, and a mistyped or impossible value.
    public init(contentsOf path: String) throws {
        let bytes = try FileBytes.read(path, limit: 1 << 24)
        let json = try JSONReader.parse(bytes, path: path)
        guard json.object != nil else {
            throw FileError(path, expected: "an object", found: json.kind)
        }
        let file = ConfigKeys(object: json, path: path)
        func number(_ key: String, _ range: ClosedRange<Double>) throws -> Double? {
            guard let value = try file.number(key) else { return nil }
            guard range.contains(value) else {
                throw file.error(
                    key, "\(range.lowerBound) to \(range.upperBound)", .number(value))
            }
            return value
        }
        func count(_ key: String) throws -> Int? {
            guard let value = try file.integerIfPresent(key) else { return nil }
            guard value >= 0 else { throw file.error(key, "0 or more", .integer(value)) }
            return value
        }
        bosTokenId = try file.integerIfPresent("bos_token_id")
        eosTokenId = try file.integers("eos_token_id")
        doSample = try file.flag("do_sample")
        temperature = try number("temperature", 0...1000)
        topK = try count("top_k")
        topP = try number("top_p", 0...1)
        minP = try number("min_p", 0...1)
        repetitionPenalty = try number("repetition_penalty", 0.01...100)
        maxNewTokens = try count("max_new_tokens")
    }

    /// The file's content, without the keys that are nil.
    public var json: JSONValue {
        let members: [(key: String, value: JSONValue?)] = [
            ("bos_token_id", bosTokenId.map { .integer($0) }),
            ("do_sample", doSample.map { .bool($0) }),
            ("eos_token_id", eosTokenId.isEmpty ? nil : TransformerConfig.ids(eosTokenId)),
            ("max_new_tokens", maxNewTokens.map { .integer($0) }),
            ("min_p", minP.map { .number($0) }),
            ("repetition_penalty", repetitionPenalty.map { .number($0) }),
            ("temperature", temperature.map { .number($0) }),
            ("top_k", topK.map { .integer($0) }),
            ("top_p", topP.map { .number($0) }),
        ]
        return .object(
            JSONObject(members.compactMap { key, value in value.map { (key, $0) } }))
    }

    public func write(to path: String) throws {
        try AtomicFile.write(JSONWriter.bytes(json, indentation: 2) + [10], to: path)
    }
}
