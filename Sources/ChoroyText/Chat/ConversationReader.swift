import ChoroySystem

/// One record of chat data as conversations, whatever its layout.
struct ConversationReader {
    private let record: JSONValue
    private let path: String
    /// "line 3" or "element 3".
    private let place: String

    init(_ record: JSONValue, path: String, place: String) {
        self.record = record
        self.path = path
        self.place = place
    }

    func read() throws -> (Conversation.Layout, [Conversation]) {
        guard let object = record.object else {
            throw error(nil, "an object", record.kind)
        }
        if let value = record["messages"] {
            return (.messages, [try conversation(messages(value, at: "messages"))])
        }
        if let value = record["conversations"] {
            return (.shareGPT, [try conversation(system() + turns(value))])
        }
        if record["instruction"] != nil { return (.alpaca, try instruction()) }
        if record["prompt"] != nil { return (.promptCompletion, [try promptAndCompletion()]) }
        let keys = object.members.prefix(8).map { "\"\($0.key)\"" }.joined(separator: ", ")
        throw error(
            nil, "\"messages\", \"conversations\", \"instruction\" or \"prompt\"",
            keys.isEmpty ? "no keys" : "keys \(keys)")
    }

    private func error(_ key: String?, _ expected: String, _ found: String) -> FileError {
        FileError(
            path, at: [place, key].compactMap { $0 }.joined(separator: ", "), expected: expected,
            found: found)
    }

    private func conversation(_ messages: [Message]) throws -> Conversation {
        guard messages.contains(where: { $0.role == .assistant }) else {
            throw error(
                nil, "a turn of the assistant",
                messages.isEmpty ? "no turns" : "only \(messages.map(\.role.rawValue).last ?? "")'s"
            )
        }
        return Conversation(messages)
    }

    /// A system prompt that stands beside the turns.
    private func system() throws -> [Message] {
        guard let value = record["system"], value != .null else { return [] }
        guard let text = value.string else { throw error("system", "a string", value.kind) }
        return text.isEmpty ? [] : [Message(role: .system, content: text)]
    }

    private func text(_ key: String) throws -> String {
        guard let value = record[key] else { throw error(key, "a string", "no such key") }
        guard let text = value.string else { throw error(key, "a string", value.kind) }
        return text
    }

    // MARK: - messages

    private func messages(_ value: JSONValue, at key: String) throws -> [Message] {
        guard let elements = value.array else { throw error(key, "an array", value.kind) }
        return try elements.enumerated().map { index, element in
            try message(element, at: "\(key)[\(index)]")
        }
    }

    private func message(_ value: JSONValue, at key: String) throws -> Message {
        guard value.object != nil else { throw error(key, "an object", value.kind) }
        guard let role = value["role"]?.string.flatMap({ Message.Role(rawValue: $0) }) else {
            throw error(
                "\(key).role", "system, user, assistant or tool", Self.words(value["role"]))
        }
        var content: String
        switch value["content"] {
        case .string(let text): content = text
        case .array(let parts): content = try text(of: parts, at: "\(key).content")
        case .null where role == .assistant: content = ""
        case let value:
            throw error("\(key).content", "a string or parts of text", Self.words(value))
        }
        if let calls = value["tool_calls"], calls != .null {
            guard role == .assistant, let calls = calls.array else {
                throw error("\(key).tool_calls", "an array, of the assistant", calls.kind)
            }
            // As ShareGPT's function_call has it: the call as JSON, one a line.
            let lines = calls.map { JSONWriter.string($0["function"] ?? $0) }
            content = ([content].filter { !$0.isEmpty } + lines).joined(separator: "\n")
        }
        return Message(role: role, content: content)
    }

    /// OpenAI's content in parts, of which only text can be read here.
    private func text(of parts: [JSONValue], at key: String) throws -> String {
        try parts.enumerated().map { index, part in
            guard part["type"]?.string == "text", let text = part["text"]?.string else {
                throw error(
                    "\(key)[\(index)]", "a part of type \"text\"",
                    part["type"].map(Self.words) ?? part.kind)
            }
            return text
        }.joined()
    }

    // MARK: - ShareGPT

    private func turns(_ value: JSONValue) throws -> [Message] {
        guard let elements = value.array else {
            throw error("conversations", "an array", value.kind)
        }
        return try elements.enumerated().map { index, element in
            let key = "conversations[\(index)]"
            guard element.object != nil else { throw error(key, "an object", element.kind) }
            guard let role = element["from"]?.string.flatMap(Self.role(ofSpeaker:)) else {
                throw error(
                    "\(key).from",
                    "system, human, user, gpt, assistant, chatgpt, function_call, tool, observation "
                        + "or function_response", Self.words(element["from"]))
            }
            guard let text = element["value"]?.string else {
                throw error("\(key).value", "a string", Self.words(element["value"]))
            }
            return Message(role: role, content: text)
        }
    }

    private static func role(ofSpeaker name: String) -> Message.Role? {
        switch name {
        case "system": .system
        case "human", "user": .user
        case "gpt", "assistant", "chatgpt", "function_call": .assistant
        case "tool", "observation", "function_response": .tool
        default: nil
        }
    }

    // MARK: - Alpaca, prompt and completion

    private func instruction() throws -> [Conversation] {
        let instruction = try text("instruction")
        guard let value = record["instances"] else {
            return [try instance(record, of: instruction, at: nil)]
        }
        guard let instances = value.array, !instances.isEmpty else {
            throw error("instances", "an array with an instance", value.kind)
        }
        return try instances.enumerated().map { index, value in
            try instance(value, of: instruction, at: "instances[\(index)].")
        }
    }

    private func instance(_ value: JSONValue, of instruction: String, at prefix: String?) throws
        -> Conversation
    {
        let prefix = prefix ?? ""
        var input = ""
        if let value = value["input"], value != .null {
            guard let text = value.string else {
                throw error("\(prefix)input", "a string", value.kind)
            }
            input = text
        }
        guard let output = value["output"]?.string else {
            throw error("\(prefix)output", "a string", Self.words(value["output"]))
        }
        let question = [instruction, input].filter { !$0.isEmpty }.joined(separator: "\n\n")
        return Conversation(
            try system() + [
                Message(role: .user, content: question), Message(role: .assistant, content: output),
            ])
    }

    private func promptAndCompletion() throws -> Conversation {
        let key =
            record["completion"] == nil && record["response"] != nil ? "response" : "completion"
        guard let answer = record[key] else {
            throw error("completion", "a string, there or at \"response\"", "no such key")
        }
        if let prompt = record["prompt"], prompt.array != nil || answer.array != nil {
            return try conversation(
                messages(prompt, at: "prompt") + messages(answer, at: key))
        }
        return Conversation(
            try system() + [
                Message(role: .user, content: try text("prompt")),
                Message(role: .assistant, content: try text(key)),
            ])
    }

    /// A value as a message shows it.
    private static func words(_ value: JSONValue?) -> String {
        switch value {
        case nil: "no such key"
        case .array, .object: value?.kind ?? ""
        case let value?: JSONWriter.string(value)
        }
    }
}
