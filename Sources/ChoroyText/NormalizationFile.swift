import ChoroySystem

/// Normalizers as `tokenizer.json` spells them.
extension Normalization {
    /// The name of a form that is all there is, else the JSON.
    var name: String {
        if steps.count == 1, case .form(let form) = steps[0] { return form.rawValue }
        return JSONWriter.string(json)
    }

    var json: JSONValue {
        let list = steps.map(\.json)
        if list.count == 1 { return list[0] }
        return .object(
            JSONObject([("type", .string("Sequence")), ("normalizers", .array(list))]))
    }
}

extension Normalization.Step {
    fileprivate var json: JSONValue {
        func text(_ bytes: [UInt8]) -> JSONValue { .string(String(decoding: bytes, as: UTF8.self)) }
        let members: [(key: String, value: JSONValue)]
        switch self {
        case .form(let form): members = [("type", .string(form.rawValue))]
        case .lowercase: members = [("type", .string("Lowercase"))]
        case .stripAccents: members = [("type", .string("StripAccents"))]
        case .strip(let left, let right):
            members = [
                ("type", .string("Strip")), ("strip_left", .bool(left)),
                ("strip_right", .bool(right)),
            ]
        case .replace(let pattern, let content):
            members = [
                ("type", .string("Replace")),
                ("pattern", .object(JSONObject([("String", text(pattern))]))),
                ("content", text(content)),
            ]
        case .prepend(let content):
            members = [("type", .string("Prepend")), ("prepend", text(content))]
        }
        return .object(JSONObject(members))
    }
}

extension TokenizerFileReader {
    func normalization(_ value: JSONValue) throws -> Normalization? {
        guard value != .null else { return nil }
        let steps = try steps(value)
        return steps.isEmpty ? nil : Normalization(steps: steps)
    }

    private func steps(_ value: JSONValue) throws -> [Normalization.Step] {
        let type = value["type"]?.string ?? "none"
        if let form = Normalization.Form(rawValue: type) { return [.form(form)] }
        func text(_ key: String, _ value: JSONValue?) throws -> [UInt8] {
            guard let text = value?.string else {
                throw error(
                    "normalizer", "\(type) with \(key) as a string", describe(value ?? .null))
            }
            return Array(text.utf8)
        }
        switch type {
        case "Sequence":
            guard let list = value["normalizers"]?.array else {
                throw error("normalizer", "Sequence with normalizers", describe(value))
            }
            return try list.flatMap(steps)
        case "Lowercase": return [.lowercase]
        case "StripAccents": return [.stripAccents]
        case "Strip":
            return [
                .strip(
                    left: value["strip_left"]?.bool ?? true,
                    right: value["strip_right"]?.bool ?? true)
            ]
        case "Replace":
            let pattern = try text("pattern String", value["pattern"]?["String"])
            guard !pattern.isEmpty else {
                throw error("normalizer", "Replace of something", "an empty pattern")
            }
            return [.replace(pattern, with: try text("content", value["content"]))]
        case "Prepend": return [.prepend(try text("prepend", value["prepend"]))]
        default:
            throw error(
                "normalizer",
                "NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend or a Sequence of them",
                type)
        }
    }
}
