public import ChoroySystem

extension AdapterConfig {
    /// The configuration that `path` holds, as PEFT writes it.
    ///
    /// - Throws: `FileError` for a file that is no JSON, a missing or mistyped key, impossible numbers,
    ///   and every feature of PEFT that changes the result and is not known here.
    public init(contentsOf path: String) throws {
        let bytes = try FileBytes.read(path, limit: 1 << 24)
        try self.init(json: try JSONReader.parse(bytes, path: path), path: path)
    }

    /// The same from a parsed file; `path` is for messages.
    public init(json: JSONValue, path: String) throws {
        guard let object = json.object else {
            throw FileError(path, expected: "an object", found: json.kind)
        }
        let file = ConfigKeys(object: json, path: path)
        guard json["peft_type"] == .string("LORA") else {
            throw file.error("peft_type", "\"LORA\"", json["peft_type"])
        }
        try file.expect("task_type", "CAUSAL_LM")
        try file.expect("bias", "none")
        try Self.checkInitialization(json["init_lora_weights"], file)
        for (key, value) in object.members
        where !Self.known.contains(key) && !Self.changesNothing(value) {
            throw file.error(key, "null: a feature that is not known here", value)
        }
        self.init(
            r: try file.integerIfPresent("r") ?? 8,
            loraAlpha: try file.number("lora_alpha") ?? 8,
            loraDropout: try file.number("lora_dropout") ?? 0,
            targetModules: try Self.targets(json["target_modules"], file),
            useRslora: try file.flag("use_rslora") ?? false,
            useDora: try file.flag("use_dora") ?? false,
            trainableTokenIndices: try Self.tokens(json["trainable_token_indices"], file),
            rankPattern: try Self.pattern("rank_pattern", file, \.integer, "an integer"),
            alphaPattern: try Self.pattern("alpha_pattern", file, \.double, "a number"),
            excludeModules: try Self.names("exclude_modules", json["exclude_modules"], file),
            baseModelNameOrPath: try file.string("base_model_name_or_path"))
        try validate(path: path)
    }

    /// Keys that are read, and keys that do not matter once the tensors are there.
    private static let known: Set<String> = [
        "peft_type", "task_type", "bias", "init_lora_weights", "r", "lora_alpha", "lora_dropout",
        "target_modules", "use_rslora", "use_dora", "trainable_token_indices", "rank_pattern",
        "alpha_pattern", "exclude_modules", "base_model_name_or_path",
        "auto_mapping", "corda_config", "ensure_weight_tying", "eva_config", "inference_mode",
        "loftq_config", "lora_ga_config", "megatron_core", "peft_version", "qalora_group_size",
        "revision", "runtime_config",
    ]

    /// Whether a feature is off: null, false, or empty.
    private static func changesNothing(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool(false): true
        case .array(let values): values.isEmpty
        case .object(let object): object.members.isEmpty
        case .string(let text): text.isEmpty
        case .bool, .integer, .number, .source: false
        }
    }

    /// Some first values come with a change of the base, without which the adapter means nothing.
    private static func checkInitialization(_ value: JSONValue?, _ file: ConfigKeys) throws {
        switch value {
        case nil, .null, .bool, .string("gaussian"), .string("eva"), .string("orthogonal"): break
        default:
            throw file.error(
                "init_lora_weights", "a way to begin that leaves the base as it is", value)
        }
    }

    private static func targets(_ value: JSONValue?, _ file: ConfigKeys) throws -> Targets {
        if case .string(let text)? = value {
            if text == "all-linear" { return .allLinear }
            guard isName(text) else {
                throw file.error(
                    "target_modules", "a list of names or \"all-linear\", no expression", value)
            }
            return .names([text])
        }
        let names = try names("target_modules", value, file)
        guard !names.isEmpty else {
            throw file.error("target_modules", "a list of names or \"all-linear\"", value)
        }
        return .names(names)
    }

    private static func names(_ key: String, _ value: JSONValue?, _ file: ConfigKeys) throws
        -> [String]
    {
        guard let value, value != .null else { return [] }
        guard let array = value.array else { throw file.error(key, "a list of names", value) }
        return try array.map { element in
            guard let name = element.string, isName(name) else {
                throw file.error(key, "names of modules", element)
            }
            return name
        }
    }

    private static func pattern<Value>(
        _ key: String, _ file: ConfigKeys, _ read: (JSONValue) -> Value?, _ expected: String
    ) throws -> [Pattern<Value>] {
        guard let value = file.object[key], value != .null else { return [] }
        guard let object = value.object else { throw file.error(key, "an object", value) }
        return try object.members.map { name, value in
            guard isName(name.hasPrefix("^") ? String(name.dropFirst()) : name) else {
                throw file.error(key, "names of modules, no expressions", .string(name))
            }
            guard let number = read(value) else {
                throw file.error("\(key).\(name)", expected, value)
            }
            return Pattern(name, number)
        }
    }

    private static func tokens(_ value: JSONValue?, _ file: ConfigKeys) throws -> [TokenRows] {
        let key = "trainable_token_indices"
        func ids(_ value: JSONValue) throws -> [Int] {
            guard let array = value.array else { throw file.error(key, "a list of ids", value) }
            return try array.map { element in
                guard let id = element.integer else { throw file.error(key, "ids", element) }
                return id
            }
        }
        switch value {
        case nil, .null: return []
        case .array(let list)? where list.isEmpty: return []
        case .object(let object)?:
            return try object.members.map { TokenRows(module: $0, tokens: try ids($1)) }
        case let list?: return [TokenRows(tokens: try ids(list))]
        }
    }

    /// Whether `text` is a path or the end of one, and no regular expression.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    // MARK: - Writing

    /// The file's content, as PEFT 0.21 reads it.
    public var json: JSONValue {
        func list(_ names: [String]) -> JSONValue { .array(names.map { .string($0) }) }
        func ids(_ tokens: [Int]) -> JSONValue { .array(tokens.map { .integer($0) }) }
        let targets: JSONValue =
            switch targetModules {
            case .allLinear: .string("all-linear")
            case .names(let names): list(names)
            }
        let alphas = alphaPattern.map { ($0.name, Self.number($0.value)) }
        let tokens: JSONValue =
            trainableTokenIndices.isEmpty
            ? .null
            : .object(JSONObject(trainableTokenIndices.map { ($0.module, ids($0.tokens)) }))
        return .object(
            JSONObject([
                ("alpha_pattern", .object(JSONObject(alphas))),
                ("auto_mapping", .null),
                ("base_model_name_or_path", baseModelNameOrPath.map { .string($0) } ?? .null),
                ("bias", .string("none")),
                ("exclude_modules", excludeModules.isEmpty ? .null : list(excludeModules)),
                ("fan_in_fan_out", .bool(false)),
                ("inference_mode", .bool(true)),
                ("init_lora_weights", .bool(true)),
                ("layers_pattern", .null),
                ("layers_to_transform", .null),
                ("lora_alpha", Self.number(loraAlpha)),
                ("lora_dropout", .number(loraDropout)),
                ("modules_to_save", .null),
                ("peft_type", .string("LORA")),
                ("r", .integer(r)),
                (
                    "rank_pattern",
                    .object(JSONObject(rankPattern.map { ($0.name, .integer($0.value)) }))
                ),
                ("revision", .null),
                ("target_modules", targets),
                ("task_type", .string("CAUSAL_LM")),
                ("trainable_token_indices", tokens),
                ("use_dora", .bool(useDora)),
                ("use_rslora", .bool(useRslora)),
            ]))
    }

    public func write(to path: String) throws {
        try AtomicFile.write(JSONWriter.bytes(json, indentation: 2) + [10], to: path)
    }

    /// A whole number without a decimal point: PEFT's alphas are integers.
    private static func number(_ value: Double) -> JSONValue {
        Int(exactly: value).map { .integer($0) } ?? .number(value)
    }
}
