import ChoroySystem
import ChoroyText

/// The lines of a conversation's file.
///
///     {"format":"choroy-conversation","version":1,"settings":{"model":…,"adapter":…,"system":…,
///         "max_tokens":512,"temperature":0.8,"top_k":40,…},"time":1764000000}
///     {"event":"message","id":1,"parent":null,"role":"user","content":"Hello","time":…}
///     {"event":"message","id":2,"parent":1,"role":"assistant","content":"Hi!","end":"finished","time":…}
///     {"event":"head","id":null,"time":…}
///     {"event":"branch","name":"other","time":…}
///     {"event":"settings","settings":{…},"time":…}
///
/// Keys that are not known are ignored; an event or a version that is not known is an error.
enum SessionJSON {
    static let format = "choroy-conversation"
    static let version = 1

    static func header(_ settings: ChatHistory.Settings, time: Int) -> JSONValue {
        .object(
            JSONObject([
                ("format", .string(format)), ("version", .integer(version)),
                ("settings", json(settings)), ("time", .integer(time)),
            ]))
    }

    static func event(_ event: ChatHistory.Event, time: Int) -> JSONValue {
        var object = JSONObject()
        switch event {
        case .message(let entry):
            object.append("event", .string("message"))
            object.append("id", .integer(entry.id))
            object.append("parent", entry.parent.map { .integer($0) } ?? .null)
            object.append("role", .string(entry.message.role.rawValue))
            object.append("content", .string(entry.message.content))
            if let end = entry.end { object.append("end", .string(end.rawValue)) }
        case .head(let id):
            object.append("event", .string("head"))
            object.append("id", id.map { .integer($0) } ?? .null)
        case .branch(let name):
            object.append("event", .string("branch"))
            object.append("name", .string(name))
        case .settings(let settings):
            object.append("event", .string("settings"))
            object.append("settings", json(settings))
        }
        object.append("time", .integer(time))
        return .object(object)
    }

    private static func json(_ settings: ChatHistory.Settings) -> JSONValue {
        let sampling = settings.sampling
        return .object(
            JSONObject([
                ("model", .string(settings.model)),
                ("adapter", settings.adapter.map { .string($0) } ?? .null),
                ("system", settings.system.map { .string($0) } ?? .null),
                ("max_tokens", .integer(settings.maxTokens)),
                ("temperature", .number(sampling.temperature)),
                ("top_k", .integer(sampling.topK)), ("top_p", .number(sampling.topP)),
                ("min_p", .number(sampling.minP)),
                ("repeat_penalty", .number(sampling.repeatPenalty)),
                ("repeat_window", .integer(sampling.repeatWindow)),
                ("seed", .integer(Int(clamping: sampling.seed))),
            ]))
    }

    // MARK: Reading

    /// Members of one object, with errors that say where it stands.
    private struct Members {
        let object: JSONObject
        let path: String
        let place: String

        func error(_ key: String, _ expected: String) -> FileError {
            FileError(
                path, at: place, expected: "\"\(key)\": \(expected)",
                found: object[key].map(found) ?? "none")
        }

        private func found(_ value: JSONValue) -> String {
            switch value {
            case .string(let text): "\"\(text.prefix(60))\""
            case .integer(let number): "\(number)"
            case .number(let number): "\(number)"
            default: value.kind
            }
        }

        func string(_ key: String) throws(FileError) -> String {
            guard let text = object[key]?.string else { throw error(key, "a string") }
            return text
        }

        func optionalString(_ key: String) throws(FileError) -> String? {
            guard let value = object[key], value != .null else { return nil }
            guard let text = value.string else { throw error(key, "a string or null") }
            return text
        }

        func integer(_ key: String) throws(FileError) -> Int {
            guard let number = object[key]?.integer else { throw error(key, "a whole number") }
            return number
        }

        /// A number, or null; the key must be there.
        func optionalInteger(_ key: String) throws(FileError) -> Int? {
            guard let value = object[key] else { throw error(key, "a whole number or null") }
            return value == .null ? nil : try integer(key)
        }

        func number(_ key: String) throws(FileError) -> Double {
            guard let number = object[key]?.double else { throw error(key, "a number") }
            return number
        }
    }

    private static func members(_ value: JSONValue?, _ path: String, _ place: String)
        throws(FileError) -> Members
    {
        guard let object = value?.object else {
            throw FileError(path, at: place, expected: "an object", found: value?.kind ?? "none")
        }
        return Members(object: object, path: path, place: place)
    }

    static func settings(header value: JSONValue, path: String, at place: String) throws(FileError)
        -> ChatHistory.Settings
    {
        let header = try members(value, path, place)
        guard header.object["format"]?.string == format else {
            throw header.error("format", "\"\(format)\"")
        }
        guard try header.integer("version") == version else {
            throw header.error("version", "\(version)")
        }
        return try settings(header.object["settings"], path, place)
    }

    private static func settings(_ value: JSONValue?, _ path: String, _ place: String)
        throws(FileError) -> ChatHistory.Settings
    {
        let json = try members(value, path, place)
        var sampling = SamplingParameters()
        sampling.temperature = try json.number("temperature")
        sampling.topK = try json.integer("top_k")
        sampling.topP = try json.number("top_p")
        sampling.minP = try json.number("min_p")
        sampling.repeatPenalty = try json.number("repeat_penalty")
        sampling.repeatWindow = try json.integer("repeat_window")
        guard let seed = UInt64(exactly: try json.integer("seed")) else {
            throw json.error("seed", "a whole number from 0")
        }
        sampling.seed = seed
        do {
            try sampling.validate()
        } catch {
            throw FileError(path, at: place, expected: "settings in their range", found: "\(error)")
        }
        let maxTokens = try json.integer("max_tokens")
        guard maxTokens > 0 else { throw json.error("max_tokens", "a whole number from 1") }
        return ChatHistory.Settings(
            model: try json.string("model"), adapter: try json.optionalString("adapter"),
            system: try json.optionalString("system"), sampling: sampling, maxTokens: maxTokens)
    }

    static func event(_ value: JSONValue, path: String, at place: String) throws(FileError)
        -> ChatHistory.Event
    {
        let json = try members(value, path, place)
        switch try json.string("event") {
        case "message":
            guard let role = Message.Role(rawValue: try json.string("role")) else {
                throw json.error("role", "system, user, assistant or tool")
            }
            let end = try json.optionalString("end")
            guard end == nil || ChatReply.End(rawValue: end ?? "") != nil else {
                throw json.error("end", "finished, max_tokens or interrupted")
            }
            return .message(
                ChatHistory.Entry(
                    id: try json.integer("id"), parent: try json.optionalInteger("parent"),
                    message: Message(role: role, content: try json.string("content")),
                    end: end.flatMap(ChatReply.End.init)))
        case "head": return .head(try json.optionalInteger("id"))
        case "branch": return .branch(try json.string("name"))
        case "settings": return .settings(try settings(json.object["settings"], path, place))
        default: throw json.error("event", "message, head, branch or settings")
        }
    }
}
