import ChoroyGeneration
import ChoroyModel
import ChoroySystem
import ChoroyText

/// Messages and replies, each on the disk before what follows it.
extension ChatTerminal {
    /// Says `text` and shows the model's reply.
    mutating func say(_ text: String) throws {
        let conversation = record.conversation
        var events: [ChatHistory.Event] = []
        var copy = conversation
        // A message that was never answered gives way to the new one.
        if let last = conversation.path.last, last.message.role == .user {
            events.append(.head(last.parent))
            copy.apply(.head(last.parent))
        }
        events.append(copy.saying(Message(role: .user, content: text)))
        try answer(after: events)
    }

    /// Lets `events` happen, which end with a message of the user's, and has the model answer it.
    ///
    /// Without a reply the conversation goes back to where it was.
    mutating func answer(after events: [ChatHistory.Event]) throws {
        let before = record.conversation.head
        for event in events { try keep(event) }
        session.messages = record.conversation.messages
        let start = Machine.now()
        let form =
            printsJSON
            ? ReplyView.Form.nothing : settings.probabilities ? ReplyView.probabilities : .text
        session.alternatives = settings.probabilities || isInteractive ? Self.alternativeCount : nil
        var view = ReplyView(form, breaksLines: settings.wordwrap, dropsLeadingSpace: true)
        do {
            let reply = try session.regenerate { event in
                try view.show(event)
                return !Interrupts.requested
            }
            let end = Machine.now()
            try view.endReply()
            try keepReply(reply.end, before: before)
            lastReply = reply
            try report(
                reply, read: (view.firstToken ?? end) - start, wrote: end - (view.firstToken ?? end)
            )
        } catch let error as ChatError {
            // The message was refused and the conversation is as before.
            try keepReply(nil, before: before)
            guard isInteractive else { throw error }
            tell("\(error)")
        } catch {
            // What was shown by then stays.
            try? keepReply(.interrupted, before: before)
            throw error
        }
        guard Interrupts.requested else { return }
        if Interrupts.signal != Interrupts.keyboard || !isInteractive { throw Interrupts.exitCode }
        Interrupts.clear()
    }

    /// How many alternatives each token comes with.
    private static var alternativeCount: Int { 5 }

    /// Stores the reply that the session has now, or goes back when there is none.
    private mutating func keepReply(_ end: ChatReply.End?, before: Int?) throws {
        if let end, let last = session.messages.last, last.role == .assistant {
            try keep(record.conversation.saying(last, end: end))
        } else {
            try keep(.head(before))
            session.messages = record.conversation.messages
        }
    }

    /// Lets an event happen; a person who types is told when it cannot be stored, and goes on.
    ///
    /// So does every chat when nobody asked for the conversation that cannot be begun.
    mutating func keep(_ event: ChatHistory.Event) throws {
        do {
            try record.append(event)
        } catch {
            guard isInteractive || record.willBeStored else { throw error }
            if record.willBeStored { record.storeNothing() }
            tell("(not stored: \(error))")
        }
    }

    private func report(_ reply: ChatReply, read: Double, wrote: Double) throws {
        if reply.forgottenMessages > 0 {
            tell("(the context is full: the \(reply.forgottenMessages) oldest messages have left)")
        }
        let rate = Double(reply.tokenCount) / max(wrote, 1e-9)
        if printsJSON {
            var object = JSONObject([
                ("role", .string("assistant")), ("content", .string(reply.text)),
                ("tokens", .integer(reply.tokenCount)),
                ("prompt_tokens", .integer(reply.promptTokens)),
                ("prompt_tokens_read", .integer(reply.promptTokensRead)),
                ("forgotten_messages", .integer(reply.forgottenMessages)),
                ("seconds", .number(read + wrote)), ("prompt_seconds", .number(read)),
                ("tokens_per_second", .number(rate)),
                ("end", .string(Self.word(for: reply.end))),
                ("seed", .integer(Int(clamping: settings.sampling.seed))),
                ("model", .string(loaded.name)),
                ("session", record.file.map { .string($0.name) } ?? .null),
            ])
            if settings.probabilities {
                object.append(
                    "probabilities", ProbabilityView.json(reply.tokens, session.encoding))
            }
            try StandardStreams.printLine(JSONWriter.string(.object(object)))
        } else if settings.verbose {
            let promptRate = Double(reply.promptTokensRead) / max(read, 1e-9)
            tell(
                "(read \(reply.promptTokensRead) of \(reply.promptTokens) tokens in "
                    + "\(Figures.decimal(read, 2)) s, \(Figures.decimal(promptRate, 1)) tokens/s; "
                    + "wrote \(reply.tokenCount) in \(Figures.decimal(wrote, 2)) s, "
                    + "\(Figures.decimal(rate, 1)) tokens/s)")
        }
    }

    /// Why a reply ended, in the words of `generate --json`.
    private static func word(for end: ChatReply.End) -> String {
        switch end {
        case .finished: "stop"
        case .maxTokens: "length"
        case .interrupted: "interrupted"
        }
    }
}
