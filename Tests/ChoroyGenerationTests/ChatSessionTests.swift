import ChoroyGeneration
import ChoroyText
import Testing

@Suite struct `Chat sessions` {
    static let tokenizer = Tokenizer()
    static func id(_ special: String) -> TokenID { tokenizer.id(ofSpecial: special) ?? -1 }

    /// Writes `script` after each "<|im_start|>assistant\n", then <|im_end|>.
    static func chatML(_ script: String) -> ToyModel {
        let start = id("<|im_start|>")
        let text = Array("assistant\n\(script)".utf8).map { TokenID($0) } + [id("<|im_end|>")]
        return ToyModel(vocabularySize: 264) { tokens in
            let place = tokens.count - 1 - (tokens.lastIndex(of: start) ?? 0)
            var row = [Float](repeating: 0, count: 264)
            row[Int(text[place % text.count])] = 30
            return row
        }
    }

    /// Writes `script` after each "Assistant:".
    static func dialogue(_ script: String) -> ToyModel {
        .writing("ssistant:" + script, after: TokenID(UInt8(ascii: "A")))
    }

    static func session(
        _ model: ToyModel, _ template: ChatTemplate, system: String? = nil, maxTokens: Int = 100,
        contextLength: Int? = nil
    ) throws -> ChatSession<ToyModel> {
        ChatSession(
            model, encoding: tokenizer, template: template, system: system,
            sampler: try Sampler(.greedy), maxTokens: maxTokens, contextLength: contextLength)
    }

    @Test func `a reply ends at the model's end of turn`() throws {
        var session = try Self.session(Self.chatML("Hello!"), .chatML, system: "Be brief.")
        var shown: [UInt8] = []
        let reply = try session.reply(to: "Hi") { event in
            if case .text(let bytes) = event { shown += bytes }
            return true
        }
        #expect(reply.text == "Hello!" && reply.end == .finished && reply.tokenCount == 6)
        #expect(shown == Array("Hello!".utf8))
        #expect(
            session.messages == [
                Message(role: .user, content: "Hi"), Message(role: .assistant, content: "Hello!"),
            ])
        #expect(session.system == "Be brief.")
    }

    @Test func `a conversation begins with the mark that texts begin with`() throws {
        let mark = Self.id("<|endoftext|>")
        // Writes "y" after a text that begins with the mark, else "n"; then ends the line.
        let model = ToyModel(vocabularySize: 264) { tokens in
            var row = [Float](repeating: 0, count: 264)
            let answer = UInt8(ascii: tokens.first == mark ? "y" : "n")
            let last = tokens.last.map { UInt8(truncatingIfNeeded: $0) }
            row[last == answer ? Int(mark) : Int(answer)] = 30
            return row
        }
        for (start, answer) in [(mark, "y"), (nil, "n")] {
            var session = ChatSession(
                model, encoding: Self.tokenizer, template: .writtenDialogue,
                sampler: try Sampler(.greedy), startOfText: start, endOfText: [mark])
            let reply = try session.reply(to: "Hi") { _ in true }
            #expect(reply.text == answer)
        }
    }

    @Test func `a written dialogue ends where the user's turn begins`() throws {
        let model = Self.dialogue(" Good day.\nUser: nonsense")
        var session = try Self.session(model, .writtenDialogue)
        var shown: [UInt8] = []
        let reply = try session.reply(to: "Hi") { event in
            if case .text(let bytes) = event { shown += bytes }
            return true
        }
        #expect(reply.text == "Good day." && reply.end == .finished)
        #expect(shown == Array("Good day.".utf8))
    }

    @Test(
        arguments: [ChatTemplate.chatML, .writtenDialogue], ["Hi", "Hi\nthere", "\n<|im_end|>", ""])
    func `the model reads what the template writes`(template: ChatTemplate, text: String) throws {
        let isChatML = template.stopStrings.isEmpty
        let model = isChatML ? Self.chatML("Yes.") : Self.dialogue(" Yes.\nUser: No.")
        var session = try Self.session(model, template, system: "S")
        for _ in 0..<3 { try session.reply(to: text) { _ in true } }
        let before = session.messages
        let reply = try session.reply(to: text) { _ in true }
        let whole = template.render(
            [Message(role: .system, content: "S")] + before + [Message(role: .user, content: text)],
            with: Self.tokenizer,
            addGenerationPrompt: true)
        #expect(reply.promptTokens == whole.tokens.count)
    }

    @Test func `each turn reads only what is new`() throws {
        let model = Self.chatML("Hello!")
        var session = try Self.session(model, .chatML, system: "A system prompt of some length.")
        let first = try session.reply(to: "Hi") { _ in true }
        #expect(first.promptTokensRead == first.promptTokens)
        for text in ["How are you?", "And now?"] {
            let before = model.meter.tokensRead
            let reply = try session.reply(to: text) { _ in true }
            // <|im_end|>\n<|im_start|>user\nTEXT<|im_end|>\n<|im_start|>assistant\n
            let new = 2 + 6 + text.utf8.count + 2 + 11
            #expect(reply.promptTokensRead == new)
            #expect(model.meter.tokensRead - before == new + reply.tokenCount)
        }
    }

    @Test func `a dialogue's stop string is given back, not read again`() throws {
        let model = Self.dialogue(" Good day.\nUser: nonsense")
        var session = try Self.session(model, .writtenDialogue)
        _ = try session.reply(to: "Hi") { _ in true }
        let reply = try session.reply(to: "Ho") { _ in true }
        // "\nUser" was read while writing, and is what the next turn begins with: ": Ho\nAssistant:".
        #expect(reply.promptTokensRead == ": Ho\nAssistant:".utf8.count)
    }

    @Test func `a reply that is stopped stays as far as it was shown`() throws {
        let model = Self.chatML("One two three 🦜🦜")
        var session = try Self.session(model, .chatML)
        var shown: [UInt8] = []
        let reply = try session.reply(to: "Count") { event in
            if case .text(let bytes) = event { shown += bytes }
            return shown.count < 7
        }
        #expect(reply.end == .interrupted && reply.text == "One two")
        #expect(session.messages.last == Message(role: .assistant, content: "One two"))
        let next = try session.reply(to: "Go on") { _ in true }
        #expect(next.text == "One two three 🦜🦜")
        // The token that was written last had not been read.
        #expect(next.promptTokensRead == 1 + 2 + 6 + 5 + 2 + 11)
    }

    @Test func `an error of the caller keeps what was shown`() throws {
        struct Closed: Error {}
        var session = try Self.session(Self.chatML("One two three"), .chatML)
        var count = 0
        #expect(throws: Closed.self) {
            try session.reply(to: "Count") { event in
                if case .text = event { count += 1 }
                if count == 4 { throw Closed() }
                return true
            }
        }
        #expect(session.messages.last?.content == "One ")
    }

    @Test func `a reply stopped before its first character leaves no trace`() throws {
        var session = try Self.session(Self.chatML("One"), .chatML)
        _ = try session.reply(to: "Count") { _ in false }
        #expect(session.messages == [])
        #expect(try session.reply(to: "Count") { _ in true }.text == "One")
    }

    @Test func `the oldest turns leave a full context and the system prompt stays`() throws {
        let model = Self.chatML("Hello!")
        var session = try Self.session(
            model, .chatML, system: "Be kind.", maxTokens: 40, contextLength: 256)
        var forgotten = 0
        for turn in 0..<30 {
            let reply = try session.reply(to: "Message \(turn)") { _ in true }
            #expect(reply.text == "Hello!")
            #expect(reply.promptTokens + 40 <= 256)
            forgotten += reply.forgottenMessages
            #expect(session.system == "Be kind.")
            #expect(session.messages[session.forgottenCount].role == .user)
        }
        #expect(forgotten > 40)
        #expect(session.messages.count == 60)
        #expect((forgotten - 2...forgotten).contains(session.forgottenCount))
        #expect(model.meter.longestState <= 256)
    }

    @Test func `a message longer than the context is refused and leaves the chat alone`() throws {
        var session = try Self.session(Self.chatML("Hello!"), .chatML, contextLength: 64)
        _ = try session.reply(to: "Hi") { _ in true }
        #expect(throws: ChatError.self) {
            try session.reply(to: String(repeating: "long ", count: 20)) { _ in true }
        }
        #expect(session.messages.count == 2)
    }

    @Test func `a reply longer than the context goes on`() throws {
        let model = ToyModel(vocabularySize: 264) { _ in
            (0..<264).map { $0 == 120 ? 30 : 0 }
        }
        var session = try Self.session(model, .chatML, maxTokens: 300, contextLength: 64)
        let reply = try session.reply(to: "Hi") { _ in true }
        #expect(reply.text == String(repeating: "x", count: 300) && reply.end == .maxTokens)
        #expect(model.meter.longestState <= 64)
        _ = try session.reply(to: "Hi") { _ in true }
        #expect(model.meter.longestState <= 64)
    }

    @Test func `clearing keeps the system prompt`() throws {
        var session = try Self.session(Self.chatML("Hello!"), .chatML, system: "Be kind.")
        _ = try session.reply(to: "Hi") { _ in true }
        session.clear()
        #expect(session.messages == [] && session.system == "Be kind.")
        let reply = try session.reply(to: "Hi") { _ in true }
        #expect(reply.promptTokensRead == 1)
    }
}
