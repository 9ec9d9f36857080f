import ChoroyGeneration
import ChoroySystem
import ChoroyText

/// The conversation of a chat, with the file that keeps it unless nothing is to be kept.
struct ChatRecord {
    private(set) var file: SessionFile?
    private var unsaved: ChatHistory
    /// Whether the first message brings a file named after the time.
    private var beginsFile: Bool

    init(_ file: SessionFile) {
        self.file = file
        unsaved = file.conversation
        beginsFile = false
    }

    /// A new conversation that is stored from its first message on, or not at all.
    init(_ settings: ChatHistory.Settings, isStored: Bool) {
        unsaved = ChatHistory(settings)
        beginsFile = isStored
    }

    var conversation: ChatHistory { file?.conversation ?? unsaved }

    /// Whether the first message will be stored.
    var willBeStored: Bool { file == nil && beginsFile }

    /// Goes on without a file.
    mutating func storeNothing() { beginsFile = false }

    /// Lets events happen, on the disk where there is a file.
    mutating func append(_ event: ChatHistory.Event) throws {
        if let file { return try file.append(event) }
        unsaved.apply(event)
        guard beginsFile, case .message = event else { return }
        try move(to: SessionOptions.store().begin(settings: unsaved.settings))
    }

    /// Writes all that happened to another file, which has nothing yet, and goes on there.
    mutating func move(to other: SessionFile) throws {
        try other.take(conversation)
        file?.close()
        file = other
    }
}

extension ChatHistory.Settings {
    /// What a person should know who goes on with another model or adapter.
    func tellChanges(to other: ChatHistory.Settings) {
        if FilePath.name(of: model) != FilePath.name(of: other.model) {
            StandardStreams.note("(this conversation was held with \(model))")
        }
        guard adapter != other.adapter else { return }
        let old = adapter.map { "adapter \($0)" } ?? "no adapter"
        let new = other.adapter.map { "adapter \($0)" } ?? "none"
        StandardStreams.note("(this conversation was held with \(old); now there is \(new))")
    }
}
