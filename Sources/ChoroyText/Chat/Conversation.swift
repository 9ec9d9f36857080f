/// A conversation of chat data: at least one turn of it is an assistant's.
public struct Conversation: Sendable, Equatable {
    /// How a file writes conversations down, by the names people know them under.
    public enum Layout: String, Sendable, CaseIterable {
        /// `messages`: role and content (OpenAI).
        case messages
        /// `prompt` and `completion` or `response`: texts, or messages as TRL has them.
        case promptCompletion = "prompt/completion"
        /// `conversations`: from and value.
        case shareGPT = "ShareGPT"
        /// `instruction`, `input` and `output`, or `instances` of the last two.
        case alpaca = "Alpaca"
        /// Plain text: `User:` and `Assistant:` begin turns, a line `<|endoftext|>` ends a conversation.
        case dialogue = "written dialogue"
    }

    public let messages: [Message]

    /// - Precondition: a message is the assistant's.
    public init(_ messages: [Message]) {
        precondition(
            messages.contains { $0.role == .assistant }, "Conversation: no assistant's message")
        self.messages = messages
    }
}
