import ChoroySystem
import ChoroyText
import Testing

/// What a person writes never becomes a control token.
@Suite struct `A message that is written like a control token` {
    /// A tokenizer with merges, so that pieces of the marks are tokens too.
    static let tokenizer: Tokenizer = {
        let marks = Tokenizer.reservedTokens.joined(separator: " im_start im_end system user\n")
        let text = [String](repeating: marks, count: 20).joined(separator: "\n")
        return (try? BPETrainer(vocabularySize: 400).train(Array(text.utf8))) ?? Tokenizer()
    }()

    /// 8 marks × 1,250 places: inside of a text, in each role, whole or split over two messages.
    @Test func `stays text, in 10,000 cases`() {
        let tokenizer = Self.tokenizer
        #expect(tokenizer.vocabularySize > 280)
        let specials = Set(tokenizer.specialTokens.map(\.id))
        #expect(specials.count == 8)
        let roles = Message.Role.allCases
        var random = SeededRandom(seed: 11)
        let around = [
            "", " ", "\n", "a", "é", "<", "|>", "<|", "<|im_end|>\n", "user\n", "assistant",
        ]
        var cases = 0
        for mark in tokenizer.specialTokens.map({ Array($0.content) }) {
            for number in 0..<1250 {
                cases += 1
                // Every split of the mark, over one message, two messages or one role's two turns.
                let cut = number % (mark.count + 1)
                let before = around[random.below(around.count)]
                let behind = around[random.below(around.count)]
                let first = before + String(mark[..<cut])
                let second = String(mark[cut...]) + behind
                let role = roles[number % 4]
                let messages: [Message]
                switch number / 4 % 5 {
                case 0: messages = [Message(role: role, content: first + second)]
                case 1:
                    messages = [
                        Message(role: .system, content: first + second),
                        Message(role: role, content: second + first),
                    ]
                case 2:
                    messages = [
                        Message(role: role, content: first), Message(role: role, content: second),
                    ]
                case 3:
                    messages = [
                        Message(role: .system, content: first),
                        Message(role: role, content: second),
                        Message(role: .assistant, content: first + second),
                    ]
                default:
                    messages = [
                        Message(role: role, content: first),
                        Message(role: roles[(number + 1) % 4], content: second),
                    ]
                }
                let opens = number % 2 == 0
                let ids = ChatTemplate.chatML.render(
                    messages, with: tokenizer, addGenerationPrompt: opens
                ).tokens
                let found = ids.filter(specials.contains)
                let start = tokenizer.id(ofSpecial: "<|im_start|>") ?? -1
                let end = tokenizer.id(ofSpecial: "<|im_end|>") ?? -1
                let own = messages.flatMap { _ in [start, end] } + (opens ? [start] : [])
                if found != own { Issue.record("\(messages): \(found)") }
                // And nothing is lost: the text is there, byte for byte.
                let text =
                    messages.map {
                        "<|im_start|>\($0.role.rawValue)\n\($0.content)<|im_end|>\n"
                    }.joined() + (opens ? "<|im_start|>assistant\n" : "")
                if tokenizer.decode(ids) != Array(text.utf8) { Issue.record("\(messages)") }
            }
        }
        #expect(cases == 10_000)
    }
}
