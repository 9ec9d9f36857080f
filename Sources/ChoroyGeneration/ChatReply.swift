/// What a model said in a chat, and what it cost.
public struct ChatReply: Sendable, Equatable {
    public enum End: String, Sendable { case finished, maxTokens = "max_tokens", interrupted }

    /// Without the white space it began with.
    public var text: String
    public var end: End
    /// The tokens that wrote the text, white space before it included.
    public var tokens: [GeneratedToken]
    /// Tokens the model wrote, those of a stop string included.
    public var tokenCount: Int
    /// Tokens of the prompt that the model had to read, and of how many.
    public var promptTokensRead: Int
    public var promptTokens: Int
    /// How many of the oldest messages left to make room, beyond those that had left before.
    public var forgottenMessages: Int
}

/// What happens while a reply is made.
public enum ChatEvent: Sendable, Equatable {
    /// The model has read this many of the tokens that were new in the prompt.
    case reading(Int, of: Int)
    /// One more token, with its score when scores are asked for.
    case token(GeneratedToken)
    /// The piece of the reply that can be shown after this token: whole characters, as bytes (see
    /// `TextStream`); often empty.
    case text([UInt8])
}

/// Why a chat cannot take a message.
public enum ChatError: Error, Equatable, CustomStringConvertible {
    case messageTooLong(tokens: Int, contextLength: Int)
    case nothingToRead
    /// There is no message of the user's to answer, or none with this number.
    case noMessage(Int?, count: Int)

    public var description: String {
        switch self {
        case .messageTooLong(let tokens, let length):
            "message: expected fewer than \(length) tokens with the system prompt, found \(tokens)"
        case .nothingToRead: "message: expected text that the model's vocabulary knows, found none"
        case .noMessage(_, 0): "message: expected one that was sent, found none so far"
        case .noMessage(let number, let count):
            "message: expected a number from 1 to \(count), found \(number.map { "\($0)" } ?? "none")"
        }
    }
}
