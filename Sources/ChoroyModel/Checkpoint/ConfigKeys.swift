import ChoroySystem

/// Typed look-ups in a configuration file, with the key in every error. A null is an absent key.
struct ConfigKeys {
    let object: JSONValue
    let path: String

    func error(_ key: String, _ expected: String, _ found: JSONValue?) -> FileError {
        FileError(path, at: key, expected: expected, found: Self.words(for: found))
    }

    private static func words(for value: JSONValue?) -> String {
        switch value {
        case nil: "no such key"
        case .bool, .integer, .number, .string: value.map { JSONWriter.string($0) } ?? ""
        case let value?: value.kind
        }
    }

    private func present(_ key: String) -> JSONValue? {
        object[key].flatMap { $0 == .null ? nil : $0 }
    }

    func integer(_ key: String) throws -> Int {
        guard let value = object[key]?.integer else {
            throw error(key, "an integer", object[key])
        }
        return value
    }

    func integerIfPresent(_ key: String) throws -> Int? {
        present(key) == nil ? nil : try integer(key)
    }

    func number(_ key: String) throws -> Double? {
        guard let value = present(key) else { return nil }
        guard let number = value.double else { throw error(key, "a number", value) }
        return number
    }

    func flag(_ key: String) throws -> Bool? {
        guard let value = present(key) else { return nil }
        guard let flag = value.bool else { throw error(key, "true or false", value) }
        return flag
    }

    func string(_ key: String) throws -> String? {
        guard let value = present(key) else { return nil }
        guard let string = value.string else { throw error(key, "a string", value) }
        return string
    }

    /// An integer, a list of integers, or nothing.
    func integers(_ key: String) throws -> [Int] {
        guard let value = present(key) else { return [] }
        return try (value.array ?? [value]).map { element in
            guard let id = element.integer else {
                throw error(key, "an integer or a list of integers", element)
            }
            return id
        }
    }

    /// The key is absent or has exactly this string.
    func expect(_ key: String, _ wanted: String) throws {
        guard let value = present(key) else { return }
        guard value.string.map({ Array($0.utf8) }) == Array(wanted.utf8) else {
            throw error(key, "\"\(wanted)\"", value)
        }
    }

    /// The key is absent or false.
    func refuse(_ key: String) throws {
        if try flag(key) == true { throw error(key, "false", .bool(true)) }
    }

    /// The rotary base: `rope_theta` (transformers 4), or `rope_theta` inside `rope_parameters`
    /// (transformers 5) or `rope_scaling`, whose type must be the default one.
    func ropeTheta() throws -> Double {
        var theta = try number("rope_theta")
        for key in ["rope_parameters", "rope_scaling"] {
            guard let value = present(key) else { continue }
            guard value.object != nil else { throw error(key, "an object", value) }
            let inside = ConfigKeys(object: value, path: path)
            for type in ["rope_type", "type"] {
                guard let found = value[type], found != .string("default") else { continue }
                throw error("\(key).\(type)", "\"default\"", found)
            }
            if let factor = try inside.number("partial_rotary_factor"), factor != 1 {
                throw error("\(key).partial_rotary_factor", "1", .number(factor))
            }
            guard let inner = try inside.number("rope_theta") else { continue }
            if let theta, theta != inner {
                throw error("\(key).rope_theta", "rope_theta's \(theta)", .number(inner))
            }
            theta = inner
        }
        return theta ?? 10000
    }
}
