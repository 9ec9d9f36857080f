public import ChoroySystem

/// The sizes and constants of a Llama-family Transformer; each property is a key of Hugging Face's
/// `config.json` in lowerCamelCase.
public struct TransformerConfig: Sendable, Equatable {
    /// Rows of the embedding, V.
    public var vocabSize: Int
    /// Width of the residual stream, D.
    public var hiddenSize: Int
    /// Width inside the feed-forward block, F.
    public var intermediateSize: Int
    public var numHiddenLayers: Int
    /// Query heads, H.
    public var numAttentionHeads: Int
    /// Key and value heads; each serves `numAttentionHeads / numKeyValueHeads` query heads.
    public var numKeyValueHeads: Int
    /// Width of a head; even, since rotary embedding turns pairs.
    public var headDim: Int
    /// Longest sequence in tokens.
    public var maxPositionEmbeddings: Int
    public var rmsNormEps: Double
    /// Base of the rotary frequencies.
    public var ropeTheta: Double
    /// Whether the embedding is the output head too.
    public var tieWordEmbeddings: Bool
    /// Standard deviation of the first weights.
    public var initializerRange: Double
    public var bosTokenId: Int?
    /// Tokens that end a text; the file has an integer, a list or null.
    public var eosTokenId: [Int]
    /// SHA-256 of the tokenizer that the model was trained with, 64 hexadecimal digits.
    public var tokenizerSha256: String?
    /// The form of the matrices; nil for floats.
    public var quantizationConfig: QuantizationConfig?

    /// A configuration of any sizes; `validate()` tells whether they fit each other.
    ///
    /// Sizes left out: as many key-value heads as heads, `hiddenSize / numAttentionHeads` wide, and
    /// a feed-forward width of 8/3 · `hiddenSize` rounded up to a multiple of 32.
    public init(
        vocabSize: Int, hiddenSize: Int, intermediateSize: Int? = nil, numHiddenLayers: Int,
        numAttentionHeads: Int, numKeyValueHeads: Int? = nil, headDim: Int? = nil,
        maxPositionEmbeddings: Int = 256, rmsNormEps: Double = 1e-5, ropeTheta: Double = 10000,
        tieWordEmbeddings: Bool = true, initializerRange: Double = 0.02, bosTokenId: Int? = nil,
        eosTokenId: [Int] = [], tokenizerSha256: String? = nil
    ) {
        self.vocabSize = vocabSize
        self.hiddenSize = hiddenSize
        // A huge size is for `validate()` to refuse, so nothing here may overflow.
        let feedForward = hiddenSize.multipliedReportingOverflow(by: 8).partialValue / 3
        self.intermediateSize = intermediateSize ?? (feedForward + 31) / 32 * 32
        self.numHiddenLayers = numHiddenLayers
        self.numAttentionHeads = numAttentionHeads
        self.numKeyValueHeads = numKeyValueHeads ?? numAttentionHeads
        self.headDim = headDim ?? (numAttentionHeads > 0 ? hiddenSize / numAttentionHeads : 0)
        self.maxPositionEmbeddings = maxPositionEmbeddings
        self.rmsNormEps = rmsNormEps
        self.ropeTheta = ropeTheta
        self.tieWordEmbeddings = tieWordEmbeddings
        self.initializerRange = initializerRange
        self.bosTokenId = bosTokenId
        self.eosTokenId = eosTokenId
        self.tokenizerSha256 = tokenizerSha256
    }

    /// Query heads that share one key-value head.
    public var queriesPerKeyValueHead: Int { numAttentionHeads / numKeyValueHeads }

    /// Numbers in the model: embedding, layers, final norm, and the head when it is not tied.
    ///
    /// - Precondition: the sizes pass `validate()`.
    public var parameterCount: Int {
        let attention = 2 * hiddenSize * headDim * (numAttentionHeads + numKeyValueHeads)
        let layer = attention + 3 * hiddenSize * intermediateSize + 2 * hiddenSize
        let embedding = vocabSize * hiddenSize
        return embedding * (tieWordEmbeddings ? 1 : 2) + numHiddenLayers * layer + hiddenSize
    }
}

// MARK: - Sizes that fit

extension TransformerConfig {
    /// Tells whether the sizes are possible.
    ///
    /// - Throws: `FileError` with the first key that is not, its bounds and its value; `path` is
    ///   what the message names.
    public func validate(path: String = "config.json") throws {
        func check(
            _ holds: Bool, _ key: String, _ expected: String, _ found: some CustomStringConvertible
        )
            throws
        {
            guard holds else {
                throw FileError(path, at: key, expected: expected, found: "\(found)")
            }
        }
        func size(_ value: Int, _ key: String, atMost limit: Int) throws {
            try check(1...limit ~= value, key, "1 to \(limit)", value)
        }
        try size(vocabSize, "vocab_size", atMost: 1 << 21)
        try size(hiddenSize, "hidden_size", atMost: 1 << 16)
        try size(intermediateSize, "intermediate_size", atMost: 1 << 20)
        try size(numHiddenLayers, "num_hidden_layers", atMost: 1024)
        try size(numAttentionHeads, "num_attention_heads", atMost: 1024)
        try size(numKeyValueHeads, "num_key_value_heads", atMost: 1024)
        try size(headDim, "head_dim", atMost: 1 << 14)
        // Cosines and sines of every position are kept: at most 256 MB of them.
        try size(
            maxPositionEmbeddings, "max_position_embeddings",
            atMost: max(1, min(1 << 24, (1 << 26) / max(1, headDim))))
        // With a head_dim of its own a model could do without; transformers refuses it even then.
        try check(
            hiddenSize % numAttentionHeads == 0, "num_attention_heads",
            "a divisor of hidden_size \(hiddenSize)", numAttentionHeads)
        try check(
            numAttentionHeads % numKeyValueHeads == 0, "num_key_value_heads",
            "a divisor of num_attention_heads \(numAttentionHeads)", numKeyValueHeads)
        try check(headDim % 2 == 0, "head_dim", "an even number", headDim)
        try check(rmsNormEps > 0 && rmsNormEps < 1, "rms_norm_eps", "between 0 and 1", rmsNormEps)
        try check(
            ropeTheta >= 1 && ropeTheta <= 1e12, "rope_theta", "a number from 1 to 1e12", ropeTheta)
        try check(
            initializerRange >= 0 && initializerRange <= 10, "initializer_range",
            "a number from 0 to 10", initializerRange)
        for (key, ids) in [
            ("bos_token_id", bosTokenId.map { [$0] } ?? []), ("eos_token_id", eosTokenId),
        ] {
            for id in ids {
                try check(0..<vocabSize ~= id, key, "an id below vocab_size \(vocabSize)", id)
            }
        }
        // With the bounds above no product overflows 64 bits; this is about memory.
        try check(
            parameterCount <= 1 << 40, "sizes", "at most 2^40 parameters", "\(parameterCount)")
    }
}

// MARK: - The file

extension TransformerConfig {
    /// The configuration that `path` holds.
    ///
    /// - Throws: `FileError` for a file that is no JSON, a missing or mistyped key, impossible sizes,
    ///   and whatever the Llama family here does not know: another model type or activation, biases,
    ///   scaled rotary positions, weights quantized in another way.
    public init(contentsOf path: String) throws {
        let bytes = try FileBytes.read(path, limit: 1 << 24)
        try self.init(json: try JSONReader.parse(bytes, path: path), path: path)
    }

    /// The same from a parsed file; `path` is for messages.
    public init(json: JSONValue, path: String) throws {
        guard json.object != nil else {
            throw FileError(path, expected: "an object", found: json.kind)
        }
        let file = ConfigKeys(object: json, path: path)
        try file.expect("model_type", "llama")
        try file.expect("hidden_act", "silu")
        try file.refuse("attention_bias")
        try file.refuse("mlp_bias")
        let heads = try file.integer("num_attention_heads")
        let hidden = try file.integer("hidden_size")
        self.init(
            vocabSize: try file.integer("vocab_size"), hiddenSize: hidden,
            intermediateSize: try file.integer("intermediate_size"),
            numHiddenLayers: try file.integer("num_hidden_layers"), numAttentionHeads: heads,
            numKeyValueHeads: try file.integerIfPresent("num_key_value_heads"),
            headDim: try file.integerIfPresent("head_dim"),
            maxPositionEmbeddings: try file.integerIfPresent("max_position_embeddings") ?? 2048,
            rmsNormEps: try file.number("rms_norm_eps") ?? 1e-6,
            ropeTheta: try file.ropeTheta(),
            tieWordEmbeddings: try file.flag("tie_word_embeddings") ?? false,
            initializerRange: try file.number("initializer_range") ?? 0.02,
            bosTokenId: try file.integerIfPresent("bos_token_id"),
            eosTokenId: try file.integers("eos_token_id"),
            tokenizerSha256: try file.string("tokenizer_sha256"))
        quantizationConfig = try QuantizationConfig(json: json["quantization_config"], path: path)
        try validate(path: path)
    }

    /// The file's content: opens in transformers 4 (`rope_theta`, `torch_dtype`) and 5
    /// (`rope_parameters`, `dtype`) as `LlamaForCausalLM`.
    public var json: JSONValue {
        var members: [(key: String, value: JSONValue)] = [
            ("architectures", .array([.string("LlamaForCausalLM")])),
            ("attention_bias", .bool(false)),
            ("bos_token_id", bosTokenId.map { .integer($0) } ?? .null),
            ("dtype", .string("float32")),
            ("eos_token_id", Self.ids(eosTokenId)),
            ("head_dim", .integer(headDim)),
            ("hidden_act", .string("silu")),
            ("hidden_size", .integer(hiddenSize)),
            ("initializer_range", .number(initializerRange)),
            ("intermediate_size", .integer(intermediateSize)),
            ("max_position_embeddings", .integer(maxPositionEmbeddings)),
            ("mlp_bias", .bool(false)),
            ("model_type", .string("llama")),
            ("num_attention_heads", .integer(numAttentionHeads)),
            ("num_hidden_layers", .integer(numHiddenLayers)),
            ("num_key_value_heads", .integer(numKeyValueHeads)),
        ]
        if let quantizationConfig {
            members.append(("quantization_config", quantizationConfig.json))
        }
        members += [
            ("rms_norm_eps", .number(rmsNormEps)),
            (
                "rope_parameters",
                .object(
                    JSONObject([
                        ("rope_theta", .number(ropeTheta)), ("rope_type", .string("default")),
                    ]))
            ),
            ("rope_theta", .number(ropeTheta)),
            ("tie_word_embeddings", .bool(tieWordEmbeddings)),
        ]
        if let tokenizerSha256 {
            members.append(("tokenizer_sha256", .string(tokenizerSha256)))
        }
        members.append(("torch_dtype", .string("float32")))
        members.append(("vocab_size", .integer(vocabSize)))
        return .object(JSONObject(members))
    }

    public func write(to path: String) throws {
        try AtomicFile.write(JSONWriter.bytes(json, indentation: 2) + [10], to: path)
    }

    /// No id is null, one is a number, several are a list.
    static func ids(_ ids: [Int]) -> JSONValue {
        switch ids.count {
        case 0: .null
        case 1: .integer(ids[0])
        default: .array(ids.map { .integer($0) })
        }
    }
}
