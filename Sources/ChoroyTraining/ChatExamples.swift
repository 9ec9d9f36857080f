internal import ChoroySystem
public import ChoroyText

/// Chat data as examples, with what there is to say about it.
public struct ChatExamples: Sendable {
    /// Most tokens that the model reads of a conversation.
    public let context: Int
    public private(set) var examples: [ChatExample] = []
    /// Conversations read, those included that were left out.
    public private(set) var conversations = 0
    public private(set) var turns = 0
    /// Conversations of each layout, in the order of their first.
    public private(set) var layouts: [(layout: Conversation.Layout, count: Int)] = []
    /// Conversations that lost turns, or the end of their only answer.
    public private(set) var shortened = 0
    /// Conversations whose first answer begins beyond the context.
    public private(set) var leftOut = 0
    /// The messages before the first answer of some conversation, to show what the model says.
    public private(set) var question: [Message]?
    private var digest = SHA256()

    /// Reads the files at `paths`: directories give their files, "-" is standard input.
    ///
    /// - Throws: `FileError` as `ConversationFile` does, and when no conversation fits.
    public init(
        at paths: [String], template: ChatTemplate, encoding: some TextEncoding, context: Int
    ) throws {
        self.context = context
        let files = try ConversationFile.files(at: paths)
        for file in files {
            try file.forEach { conversation, layout in
                add(conversation, layout, template: template, encoding: encoding)
            }
        }
        guard !examples.isEmpty else {
            throw FileError(
                paths.map { $0 == "-" ? "standard input" : $0 }.joined(separator: ", "),
                expected: files.isEmpty
                    ? "conversations" : "conversations that fit a context of \(context) tokens",
                found: files.isEmpty ? "none" : "\(conversations) that do not")
        }
    }

    private mutating func add(
        _ conversation: Conversation, _ layout: Conversation.Layout, template: ChatTemplate,
        encoding: some TextEncoding
    ) {
        conversations += 1
        turns += conversation.messages.count
        if let index = layouts.firstIndex(where: { $0.layout == layout }) {
            layouts[index].count += 1
        } else {
            layouts.append((layout, 1))
        }
        digest.update("\(conversation.messages.count)\n".utf8)
        for message in conversation.messages {
            digest.update("\(message.role.rawValue) \(message.content.utf8.count)\n".utf8)
            digest.update(Array(message.content.utf8))
        }
        guard
            let example = ChatExample(
                conversation, template: template, encoding: encoding, context: context)
        else {
            leftOut += 1
            return
        }
        if example.isShortened { shortened += 1 }
        let before = conversation.messages.prefix { $0.role != .assistant }
        if question == nil, before.last?.role == .user { question = Array(before) }
        examples.append(example)
    }

    /// SHA-256 of all conversations: roles and contents, whatever their layout.
    public var hash: String {
        var digest = digest
        return digest.finalize()
    }

    public var tokenCount: Int { examples.reduce(0) { $0 + $1.tokens.count } }
    public var targetCount: Int { examples.reduce(0) { $0 + $1.targetCount } }

    /// The examples to learn from and those held back: every tenth, of 200 and more every twentieth,
    /// of fewer than ten the last; none of a single one.
    public var split: (training: [ChatExample], validation: [ChatExample]) {
        let count = examples.count
        let interval = count >= 200 ? 20 : count >= 10 ? 10 : max(2, count)
        let isHeldBack = { count > 1 && $0 % interval == interval - 1 }
        return (
            examples.indices.filter { !isHeldBack($0) }.map { examples[$0] },
            examples.indices.filter(isHeldBack).map { examples[$0] }
        )
    }
}
