import ChoroyText

/// Which of the oldest turns have left a full context.
///
/// When a prompt leaves less than a quarter of the context (or `maxTokens`) for the reply, the oldest
/// turns leave until the rest fills at most half of it. This is decided anew for each message of the
/// user's in turn, so the answer depends on the messages only: a conversation that was resumed, edited or
/// branched shows the model what one that was never interrupted does.
struct ContextWindow {
    /// Tokens the model can see at once, nil without limit.
    let contextLength: Int?
    let maxTokens: Int
    /// Tokens that are always there: start of text, system prompt, the opening of the reply.
    let fixed: Int

    /// The first turn that stays for the last question among `turns`.
    func start(of turns: some RandomAccessCollection<(role: Message.Role, count: Int)>) -> Int {
        guard let contextLength else { return 0 }
        var start = 0
        var used = fixed
        let turns = Array(turns)
        for (place, turn) in turns.enumerated() {
            used += turn.count
            guard turn.role == .user,
                used + min(maxTokens, contextLength / 4) > contextLength
            else { continue }
            while start < place, used > contextLength / 2 || turns[start].role != .user {
                used -= turns[start].count
                start += 1
            }
        }
        return start
    }
}
