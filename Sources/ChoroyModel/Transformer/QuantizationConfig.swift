import ChoroySystem

/// How a checkpoint keeps its matrices when not in floats: `quantization_config` of `config.json`.
///
/// The layout is that of compressed-tensors, format `int-quantized`: symmetric integers of 8 bits with a
/// scale for each row, and inputs rounded to 8 bits as they come. Which tensors are in bytes, the
/// file of weights itself says.
/// Source: https://github.com/vllm-project/compressed-tensors
public enum QuantizationConfig: String, Sendable, CaseIterable {
    case int8

    /// What `json` asks for; nil for null.
    ///
    /// - Throws: `FileError` with the key that asks for what is not known here.
    init?(json: JSONValue?, path: String) throws {
        guard let json, json != .null else { return nil }
        let name = "quantization_config"
        func check(_ value: JSONValue?, _ key: String, _ wanted: JSONValue) throws {
            guard value == wanted else {
                throw ConfigKeys(object: json, path: path)
                    .error("\(name).\(key)", JSONWriter.string(wanted), value)
            }
        }
        try check(json["quant_method"], "quant_method", .string("compressed-tensors"))
        try check(json["format"], "format", .string("int-quantized"))
        guard let groups = json["config_groups"]?.object, !groups.members.isEmpty else {
            throw ConfigKeys(object: json, path: path)
                .error("\(name).config_groups", "an object of groups", json["config_groups"])
        }
        for (group, value) in groups.members {
            let place = "config_groups.\(group)"
            for (key, wanted) in [("num_bits", .integer(8)), ("type", .string("int"))]
                + [("symmetric", .bool(true)), ("strategy", .string("channel"))]
                as [(String, JSONValue)]
            {
                try check(value["weights"]?[key], "\(place).weights.\(key)", wanted)
            }
        }
        self = .int8
    }

    /// The object for `config.json`, which transformers opens with compressed-tensors installed.
    var json: JSONValue {
        func object(_ members: (String, JSONValue)...) -> JSONValue {
            .object(JSONObject(members.map { (key: $0.0, value: $0.1) }))
        }
        func integers(_ strategy: String, isDynamic: Bool) -> JSONValue {
            object(
                ("dynamic", .bool(isDynamic)), ("num_bits", .integer(8)),
                ("strategy", .string(strategy)), ("symmetric", .bool(true)),
                ("type", .string("int")))
        }
        func group(_ target: String, _ inputs: JSONValue) -> JSONValue {
            object(
                ("format", .string("int-quantized")), ("input_activations", inputs),
                ("output_activations", .null), ("targets", .array([.string(target)])),
                ("weights", integers("channel", isDynamic: false)))
        }
        return object(
            (
                "config_groups",
                object(
                    ("group_0", group("Linear", integers("token", isDynamic: true))),
                    ("group_1", group("Embedding", .null)))
            ),
            ("format", .string("int-quantized")), ("ignore", .array([])),
            ("quant_method", .string("compressed-tensors")),
            ("quantization_status", .string("compressed")))
    }
}
