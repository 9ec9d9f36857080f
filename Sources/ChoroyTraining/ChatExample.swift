public import ChoroyText

/// A conversation as training reads it: its tokens, and which of them the assistant says.
///
/// The last token is one that the assistant says: what follows teaches nothing.
public struct ChatExample: Sendable, Equatable {
    public let tokens: [TokenID]
    /// The assistant's words and the ends of its turns, nothing else.
    public let isTarget: [Bool]
    /// Whether turns, or the end of the only answer, had to go.
    public let isShortened: Bool

    /// The example of `conversation` for a model that reads `context` tokens at most; nil when no word
    /// of an answer is among them.
    ///
    /// A longer one ends with the last turn of the assistant that fits as a whole; if not even the
    /// first does, inside of that.
    public init?(
        _ conversation: Conversation, template: ChatTemplate, encoding: some TextEncoding,
        context: Int
    ) {
        let (tokens, isTarget) = template.render(conversation.messages, with: encoding)
        // The first token is read only, and the last is learnt only.
        let limit = min(tokens.count, context + 1)
        guard let last = isTarget[..<limit].lastIndex(of: true), last > 0,
            let lastOfAll = isTarget.lastIndex(of: true)
        else { return nil }
        var end = last + 1
        if last < lastOfAll, end < isTarget.count, isTarget[end] {
            // The limit cuts a turn: back to the end of the turn before.
            let start = (isTarget[..<end].lastIndex(of: false) ?? 0) + 1
            if let earlier = isTarget[..<start].lastIndex(of: true) { end = earlier + 1 }
        }
        guard isTarget[1..<end].contains(true) else { return nil }
        self.tokens = Array(tokens[..<end])
        self.isTarget = Array(isTarget[..<end])
        isShortened = end <= lastOfAll
    }

    /// Tokens that the model reads.
    public var length: Int { tokens.count - 1 }

    public var inputs: ArraySlice<TokenID> { tokens.dropLast() }

    /// For each input the token that follows, −1 where somebody else says it.
    public var targets: [TokenID] {
        (1..<tokens.count).map { isTarget[$0] ? tokens[$0] : -1 }
    }

    /// Tokens that are learnt.
    public var targetCount: Int {
        isTarget.dropFirst().reduce(0) { $1 ? $0 + 1 : $0 }
    }
}
