import ChoroySystem

/// Chat data: a file with a JSON object on each line (JSONL), one JSON array of objects, or a written
/// dialogue.
///
/// Each record's layout is recognised by its keys, so one file may hold several; keys that say
/// nothing about the conversation are ignored.
public struct ConversationFile: Sendable {
    public let path: String

    /// The file at `path`, "-" for standard input.
    public init(_ path: String) { self.path = path }

    /// The files that `paths` name; of directories `.jsonl` and `.json`, in the order of their names.
    public static func files(at paths: [String]) throws -> [ConversationFile] {
        try Corpus.files(at: paths) { $0.hasSuffix(".jsonl") || $0.hasSuffix(".json") }
            .map { ConversationFile($0) }
    }

    /// Gives each conversation in the order of the file; one record at a time is in memory.
    ///
    /// - Throws: `FileError` with the line, or the element of an array, for what cannot be read, is no
    ///   JSON, has no known layout, an unknown role, no content or no assistant's turn; for a file
    ///   without conversations; and what `body` throws.
    public func forEach(_ body: (Conversation, Conversation.Layout) throws -> Void) throws {
        let title = path == "-" ? "standard input" : path
        var count = 0
        func take(_ bytes: ArraySlice<UInt8>, _ place: String) throws {
            let record: JSONValue
            do {
                record = try JSONReader.parse(bytes, path: title)
            } catch var error as FileError {
                error.place = [place, error.place].compactMap { $0 }.joined(separator: ", ")
                throw error
            }
            let reader = ConversationReader(record, path: title, place: place)
            let (layout, conversations) = try reader.read()
            for conversation in conversations {
                count += 1
                try body(conversation, layout)
            }
        }
        func takeDialogue(_ conversation: Conversation) throws {
            count += 1
            try body(conversation, .dialogue)
        }
        var records = ConversationRecords(path: title)
        var dialogue = DialogueRecords(path: title)
        var isDialogue: Bool?
        try FileBytes.forEachPiece(of: path) { piece in
            let isText = isDialogue ?? DialogueRecords.recognizes(piece)
            isDialogue = isText
            if isText {
                try dialogue.append(piece, takeDialogue)
            } else {
                try records.append(piece, take)
            }
        }
        if isDialogue == true {
            try dialogue.finish(takeDialogue)
        } else {
            try records.finish(take)
        }
        guard count > 0 else {
            throw FileError(title, expected: "conversations", found: "none")
        }
    }
}
