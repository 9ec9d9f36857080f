/// How a conversation is written for a model: messages → segments → token ids.
///
/// Only the template's own segments can give special tokens. What a person or a model wrote is
/// always plain text, so no message can forge the end of a turn.
public struct ChatTemplate: Sendable, Equatable {
    /// A piece of a written conversation.
    public enum Segment: Sendable, Equatable {
        /// A special token, by its content. An encoding that lacks it writes it as text.
        case special(String)
        /// Plain text: the template's own words, or a message.
        case text(String)
    }

    private enum Form { case chatML, writtenDialogue }

    private let form: Form
    /// Special tokens that end a reply.
    public let stopTokens: [String]
    /// Text that ends a reply and does not belong to it.
    public let stopStrings: [String]

    /// `<|im_start|>ROLE⏎CONTENT<|im_end|>⏎` for each message.
    public static let chatML = ChatTemplate(
        form: .chatML, stopTokens: ["<|im_end|>", "<|endoftext|>"], stopStrings: [])

    /// `User: …⏎Assistant: …⏎` in plain text, for models that never saw a chat.
    public static let writtenDialogue = ChatTemplate(
        form: .writtenDialogue, stopTokens: ["<|endoftext|>"], stopStrings: ["\nUser:"])

    /// `chatML` as Hugging Face's `tokenizer_config.json` spells it.
    static let chatMLSource =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n'"
        + " + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

    /// The conversation in pieces; `isTarget` marks what an assistant says, its end included.
    ///
    /// `addGenerationPrompt` opens the assistant's next turn at the end.
    public func segments(_ messages: [Message], addGenerationPrompt: Bool = false)
        -> [(segment: Segment, isTarget: Bool)]
    {
        var result: [(segment: Segment, isTarget: Bool)] = []
        for message in messages {
            let isTarget = message.role == .assistant
            result += opening(message.role).map { ($0, false) }
            switch form {
            case .chatML:
                result.append((.text(message.content), isTarget))
                result.append((.special("<|im_end|>"), isTarget))
                result.append((.text("\n"), false))
            case .writtenDialogue:
                result.append((.text(" \(message.content)\n"), isTarget))
            }
        }
        if addGenerationPrompt { result += opening(.assistant).map { ($0, false) } }
        return result
    }

    private func opening(_ role: Message.Role) -> [Segment] {
        switch form {
        case .chatML: [.special("<|im_start|>"), .text("\(role.rawValue)\n")]
        case .writtenDialogue:
            [.text(role.rawValue.prefix(1).uppercased() + role.rawValue.dropFirst() + ":")]
        }
    }

    /// The ids of a conversation, and for each whether training should predict it.
    ///
    /// Neighbouring text is encoded together, as one encoding of the whole conversation does, but
    /// never across the border of a target: there generation starts.
    public func render(
        _ messages: [Message], with encoding: some TextEncoding, addGenerationPrompt: Bool = false
    ) -> (tokens: [TokenID], isTarget: [Bool]) {
        var tokens: [TokenID] = []
        var mask: [Bool] = []
        var text: [UInt8] = []
        var textIsTarget = false
        func flush() {
            let ids = encoding.encode(text)
            tokens += ids
            mask += [Bool](repeating: textIsTarget, count: ids.count)
            text = []
        }
        for (segment, isTarget) in segments(messages, addGenerationPrompt: addGenerationPrompt) {
            if isTarget != textIsTarget { flush() }
            textIsTarget = isTarget
            switch segment {
            case .text(let piece): text += piece.utf8
            case .special(let content):
                if let id = encoding.id(ofSpecial: content) {
                    flush()
                    tokens.append(id)
                    mask.append(isTarget)
                } else {
                    text += content.utf8
                }
            }
        }
        flush()
        return (tokens, mask)
    }
}
