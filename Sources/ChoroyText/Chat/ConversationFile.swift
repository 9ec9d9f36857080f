import ChoroySystem

/// Chat data: a file with a JSON object on each line (JSONL), or one JSON array of objects.
///
/// Each record's layout is recognised by its keys, so one file may hold several; keys that say
/// nothing about the conversation are ignored.
public struct ConversationFile: Sendable {
    public let path: String

    /// The file at `path`, "-" for standard input.
    public init(_ path: String) { self.path = path }

    /// The files that `paths` name, as `Corpus.files` finds them.
    public static func files(at paths: [String]) throws -> [ConversationFile] {
        try Corpus.files(at: paths).map { ConversationFile($0) }
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
        var records = ConversationRecords(path: title)
        try FileBytes.forEachPiece(of: path) { try records.append($0, take) }
        try records.finish(take)
        guard count > 0 else {
            throw FileError(title, expected: "conversations", found: "none")
        }
    }
}
