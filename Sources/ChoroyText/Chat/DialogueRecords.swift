import ChoroySystem

/// Cuts a written dialogue that arrives in pieces into its conversations.
///
///     User: Hello!
///     Assistant: Hello! How are you?
///     <|endoftext|>
///
/// A line that begins with a role and a colon opens a turn, and any other line continues one; a line
/// that is only the separator ends the conversation.
struct DialogueRecords {
    private let path: String
    private var line: [UInt8] = []
    private var number = 0
    /// The line that the present conversation began with.
    private var start = 0
    private var messages: [Message] = []

    init(path: String) { self.path = path }

    /// Whether a file that begins with these bytes is a dialogue.
    static func recognizes(_ bytes: [UInt8]) -> Bool {
        let line = bytes.drop { $0 == 32 || 9...13 ~= $0 }.prefix { $0 != 10 }
        return turn(String(decoding: line.prefix(64), as: UTF8.self)) != nil
    }

    mutating func append(_ bytes: [UInt8], _ take: (Conversation) throws -> Void) throws {
        for byte in bytes {
            if byte == 10 { try endLine(take) } else { line.append(byte) }
            guard line.count <= ConversationRecords.largest else {
                throw FileError(
                    path, at: "line \(number + 1)",
                    expected: "at most \(ConversationRecords.largest) bytes", found: "more")
            }
        }
    }

    mutating func finish(_ take: (Conversation) throws -> Void) throws {
        if !line.isEmpty { try endLine(take) }
        try endConversation(take)
    }

    private mutating func endLine(_ take: (Conversation) throws -> Void) throws {
        number += 1
        let text = String(decoding: line.last == 13 ? line.dropLast() : line[...], as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        if text == Corpus.separator { return try endConversation(take) }
        if let message = Self.turn(text) {
            if messages.isEmpty { start = number }
            messages.append(message)
        } else if !messages.isEmpty {
            messages[messages.count - 1].content += "\n\(text)"
        } else if !text.allSatisfy(\.isWhitespace) {
            throw FileError(
                path, at: "line \(number)", expected: "\"User:\", \"Assistant:\" or another role",
                found: "\"\(text.prefix(40))\"")
        }
    }

    private mutating func endConversation(_ take: (Conversation) throws -> Void) throws {
        guard !messages.isEmpty else { return }
        for index in messages.indices {
            while messages[index].content.last?.isNewline == true {
                messages[index].content.removeLast()
            }
        }
        guard messages.contains(where: { $0.role == .assistant }) else {
            throw FileError(
                path, at: "line \(start)", expected: "a turn of the assistant", found: "none")
        }
        try take(Conversation(messages))
        messages = []
    }

    /// "User: Hello!" as a message.
    private static func turn(_ line: String) -> Message? {
        for role in Message.Role.allCases {
            let name = role.rawValue.prefix(1).uppercased() + role.rawValue.dropFirst() + ":"
            guard line.utf8.starts(with: name.utf8) else { continue }
            let rest = line.utf8.dropFirst(name.utf8.count)
            let content = rest.first == 32 ? rest.dropFirst() : rest
            return Message(role: role, content: String(Substring(content)))
        }
        return nil
    }
}
