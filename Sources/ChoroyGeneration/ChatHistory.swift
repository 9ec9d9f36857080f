public import ChoroyText

/// A conversation with all it has been: messages that were taken back stay as other branches.
///
/// Messages form a tree; each has a number, in the order they were said, and knows the one before it.
/// Every branch has a name and a head, its last message. Undoing, editing and regenerating move the
/// head; nothing is ever removed.
public struct ChatHistory: Sendable, Equatable {
    /// A message as it was said.
    public struct Entry: Sendable, Equatable {
        /// From 1, in the order of saying.
        public var id: Int
        /// The message before it; nil for the first of a conversation.
        public var parent: Int?
        public var message: Message
        /// How a reply ended; nil for what the user said.
        public var end: ChatReply.End?

        public init(id: Int, parent: Int?, message: Message, end: ChatReply.End? = nil) {
            self.id = id
            self.parent = parent
            self.message = message
            self.end = end
        }
    }

    /// What the conversation is held with.
    public struct Settings: Sendable, Equatable {
        /// The model's path, and the adapter's name.
        public var model: String
        public var adapter: String?
        public var system: String?
        public var sampling: SamplingParameters
        public var maxTokens: Int

        public init(
            model: String, adapter: String? = nil, system: String? = nil,
            sampling: SamplingParameters = SamplingParameters(), maxTokens: Int = 512
        ) {
            self.model = model
            self.adapter = adapter
            self.system = system
            self.sampling = sampling
            self.maxTokens = maxTokens
        }
    }

    /// What happens to a conversation, one line of its file each.
    public enum Event: Sendable, Equatable {
        case message(Entry)
        /// The branch goes back to this message, or to the beginning.
        case head(Int?)
        /// Goes on with the branch of this name, which begins here if it is new.
        case branch(String)
        case settings(Settings)
    }

    /// The branch that every conversation begins with.
    public static let firstBranch = "main"

    /// All messages; the one with number n at place n − 1.
    public private(set) var entries: [Entry] = []
    /// Names and heads in the order they were made.
    public private(set) var branches: [(name: String, head: Int?)] = [(firstBranch, nil)]
    /// The place of the current branch in `branches`.
    private var current = 0
    public private(set) var settings: Settings

    public init(_ settings: Settings) { self.settings = settings }

    public static func == (a: ChatHistory, b: ChatHistory) -> Bool {
        a.entries == b.entries && a.current == b.current && a.settings == b.settings
            && a.branches.elementsEqual(b.branches) { $0 == $1 }
    }

    /// The number of the last message; nil at the beginning.
    public var head: Int? { branches[current].head }
    public var branch: String { branches[current].name }

    /// The messages from the first to the head of a branch.
    public func path(to head: Int?) -> [Entry] {
        var path: [Entry] = []
        var next = head
        while let id = next {
            path.append(entries[id - 1])
            next = entries[id - 1].parent
        }
        return path.reversed()
    }

    /// The messages of the current branch.
    public var path: [Entry] { path(to: head) }
    public var messages: [Message] { path.map(\.message) }

    /// The event that adds a message at the head.
    public func saying(_ message: Message, end: ChatReply.End? = nil) -> Event {
        .message(Entry(id: entries.count + 1, parent: head, message: message, end: end))
    }

    /// Events that make this conversation of one in which nothing has happened yet.
    var events: [Event] {
        var events = entries.map { Event.message($0) }
        for branch in branches { events += [.branch(branch.name), .head(branch.head)] }
        return events + [.branch(branch)]
    }

    /// What is wrong with an event in this conversation: what was expected and what was found.
    public func problem(with event: Event) -> (expected: String, found: String)? {
        func isKnown(_ id: Int?) -> Bool { id.map { $0 >= 1 && $0 <= entries.count } ?? true }
        switch event {
        case .message(let entry):
            if entry.id != entries.count + 1 {
                return ("message \(entries.count + 1)", "message \(entry.id)")
            }
            if !isKnown(entry.parent) {
                return ("a parent among \(entries.count) messages", "\(entry.parent ?? 0)")
            }
        case .head(let id):
            if !isKnown(id) { return ("a head among \(entries.count) messages", "\(id ?? 0)") }
        case .branch(let name):
            if let reason = SessionName.problem(with: name) { return ("a branch's name", reason) }
        case .settings: break
        }
        return nil
    }

    /// Lets an event happen.
    /// - Precondition: there is no problem with it.
    public mutating func apply(_ event: Event) {
        let problem = problem(with: event)
        precondition(problem == nil, "conversation: \(problem?.found ?? "")")
        switch event {
        case .message(let entry):
            entries.append(entry)
            branches[current].head = entry.id
        case .head(let id): branches[current].head = id
        case .branch(let name):
            let place = branches.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
            if place == nil { branches.append((name, head)) }
            current = place ?? branches.count - 1
        case .settings(let settings): self.settings = settings
        }
    }
}

/// Names of stored conversations and branches.
public enum SessionName {
    /// Bytes a name may have.
    static let longest = 100

    /// Why `name` cannot be one; nil when it can.
    public static func problem(with name: String) -> String? {
        if name.isEmpty { return "an empty one" }
        if name.utf8.count > longest { return "one of \(name.utf8.count) bytes" }
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                return "a control character in it"
            default: break
            }
            if scalar == "/" || scalar == "." || scalar == "\\" { return "\"\(scalar)\" in it" }
        }
        if name.first == "-" { return "\"-\" at its beginning" }
        if name.first?.isWhitespace == true || name.last?.isWhitespace == true {
            return "white space around it"
        }
        return nil
    }
}
