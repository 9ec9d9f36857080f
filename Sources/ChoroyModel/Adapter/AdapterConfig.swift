internal import ChoroySystem

/// How a LoRA adapter changes a model; each property is a key of PEFT's `adapter_config.json` in
/// lowerCamelCase.
///
/// Source: Hu et al. 2021, https://arxiv.org/abs/2106.09685
public struct AdapterConfig: Sendable, Equatable {
    /// Rank of the change.
    public var r: Int
    public var loraAlpha: Double
    /// Share of a map's inputs that training drops on the adapter's side.
    public var loraDropout: Double
    public var targetModules: Targets
    /// Whether the scale is α / √r instead of α / r. Source: Kalajdzievski 2023,
    /// https://arxiv.org/abs/2312.03732
    public var useRslora: Bool
    /// Whether the length of each output row is a parameter of its own (DoRA). Source: Liu et al.
    /// 2024, eq. 5, https://arxiv.org/abs/2402.09353
    public var useDora: Bool
    /// Rows that are trained instead of the base's, by the name of the module.
    public var trainableTokenIndices: [TokenRows]
    /// Ranks of modules that differ from `r`.
    public var rankPattern: [Pattern<Int>]
    /// Alphas of modules that differ from `loraAlpha`.
    public var alphaPattern: [Pattern<Double>]
    /// Names of modules that are no targets whatever `targetModules` says.
    public var excludeModules: [String]
    public var baseModelNameOrPath: String?

    /// Which linear maps are changed.
    public enum Targets: Sendable, Equatable {
        /// All but the output head.
        case allLinear
        /// Those whose path is one of the names, or ends with a dot and one of them.
        case names([String])
    }

    /// The trained rows of one embedding.
    public struct TokenRows: Sendable, Equatable {
        /// The end of the module's path, such as `embed_tokens`.
        public var module: String
        public var tokens: [Int]

        public init(module: String = "embed_tokens", tokens: [Int]) {
            self.module = module
            self.tokens = tokens
        }
    }

    /// A value for the modules whose path ends with a name; "^" before it means the whole path.
    public struct Pattern<Value: Sendable & Equatable>: Sendable, Equatable {
        public var name: String
        public var value: Value

        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }

        func matches(_ path: String) -> Bool {
            name.hasPrefix("^")
                ? path == name.dropFirst() : AdapterConfig.path(path, endsWith: name)
        }
    }

    /// The seven projections of a Llama layer.
    public static let allProjections = [
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    ]

    public init(
        r: Int = 8, loraAlpha: Double = 8, loraDropout: Double = 0,
        targetModules: Targets = .names(AdapterConfig.allProjections), useRslora: Bool = false,
        useDora: Bool = false, trainableTokenIndices: [TokenRows] = [],
        rankPattern: [Pattern<Int>] = [], alphaPattern: [Pattern<Double>] = [],
        excludeModules: [String] = [], baseModelNameOrPath: String? = nil
    ) {
        self.r = r
        self.loraAlpha = loraAlpha
        self.loraDropout = loraDropout
        self.targetModules = targetModules
        self.useRslora = useRslora
        self.useDora = useDora
        self.trainableTokenIndices = trainableTokenIndices
        self.rankPattern = rankPattern
        self.alphaPattern = alphaPattern
        self.excludeModules = excludeModules
        self.baseModelNameOrPath = baseModelNameOrPath
    }

    /// Whether the map at `path`, such as `model.layers.0.self_attn.q_proj`, is changed.
    public func targets(_ path: String) -> Bool {
        guard !excludeModules.contains(where: { Self.path(path, endsWith: $0) }) else {
            return false
        }
        return switch targetModules {
        case .allLinear: true
        case .names(let names): names.contains { Self.path(path, endsWith: $0) }
        }
    }

    /// Rank of the change of the map at `path`.
    public func rank(of path: String) -> Int {
        rankPattern.first { $0.matches(path) }?.value ?? r
    }

    /// s in y + s · B(A x) for the map at `path`.
    public func scaling(of path: String) -> Float {
        let alpha = alphaPattern.first { $0.matches(path) }?.value ?? loraAlpha
        let rank = Double(rank(of: path))
        return Float(alpha / (useRslora ? rank.squareRoot() : rank))
    }

    /// The tokens whose rows of the embedding at `path` are trained.
    public func tokens(of path: String) -> [Int] {
        trainableTokenIndices.first { Self.path(path, endsWith: $0.module) }?.tokens ?? []
    }

    /// Whether `path` is `name` or ends with a dot and `name`.
    static func path(_ path: String, endsWith name: String) -> Bool {
        path.utf8.elementsEqual(name.utf8) || path.hasSuffix("." + name)
    }
}

// MARK: - Bounds

extension AdapterConfig {
    /// Tells whether the numbers are possible.
    ///
    /// - Throws: `FileError` with the first key that is not, its bounds and its value; `path` is
    ///   what the message names.
    public func validate(path: String = "adapter_config.json") throws {
        func fail(_ key: String, _ expected: String, _ found: String) -> FileError {
            FileError(path, at: key, expected: expected, found: found)
        }
        func check(rank: Int, _ key: String) throws {
            guard 1...1 << 16 ~= rank else { throw fail(key, "1 to \(1 << 16)", "\(rank)") }
        }
        func check(alpha: Double, _ key: String) throws {
            guard alpha.isFinite, alpha.magnitude <= 1e9 else {
                throw fail(key, "a number up to 1e9", "\(alpha)")
            }
        }
        try check(rank: r, "r")
        try check(alpha: loraAlpha, "lora_alpha")
        for pattern in rankPattern {
            try check(rank: pattern.value, "rank_pattern.\(pattern.name)")
        }
        for pattern in alphaPattern {
            try check(alpha: pattern.value, "alpha_pattern.\(pattern.name)")
        }
        guard loraDropout >= 0 && loraDropout < 1 else {
            throw fail("lora_dropout", "a number from 0 to below 1", "\(loraDropout)")
        }
        if case .names(let names) = targetModules {
            guard !names.isEmpty, names.allSatisfy({ !$0.isEmpty }) else {
                throw fail("target_modules", "names of modules", "\(names)")
            }
        }
        for rows in trainableTokenIndices {
            let key = "trainable_token_indices.\(rows.module)"
            let distinct = Set(rows.tokens).count
            guard distinct > 0, distinct == rows.tokens.count else {
                throw fail(
                    key, "different ids", "\(rows.tokens.count), \(distinct) of them different")
            }
            for id in rows.tokens where !(0...Int(Int32.max) ~= id) {
                throw fail(key, "ids from 0 on", "\(id)")
            }
        }
    }
}
