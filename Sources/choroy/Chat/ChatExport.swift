import ChoroySystem
package import ChoroyText

/// A conversation as a file for others.
package enum ChatExport {
    /// One line of JSON Lines, in the layout that chat data has: `{"messages":[{"role":…,"content":…}]}`.
    package static func json(_ messages: [Message], system: String?) -> String {
        let all = (system.map { [Message(role: .system, content: $0)] } ?? []) + messages
        let array = all.map { message in
            JSONValue.object(
                JSONObject([
                    ("role", .string(message.role.rawValue)), ("content", .string(message.content)),
                ]))
        }
        return JSONWriter.string(.object(JSONObject([("messages", .array(array))]))) + "\n"
    }

    /// Markdown: a heading for each message, and the message as it is.
    package static func markdown(_ messages: [Message], system: String?, title: String) -> String {
        let all = (system.map { [Message(role: .system, content: $0)] } ?? []) + messages
        return all.reduce(into: "# \(title)\n") { text, message in
            let name = message.role.rawValue
            text += "\n## \(name.prefix(1).uppercased() + name.dropFirst())\n\n\(message.content)\n"
        }
    }
}
