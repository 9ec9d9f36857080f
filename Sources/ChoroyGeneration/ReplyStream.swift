import ChoroyText

/// The text of a reply as it comes, without the white space it begins with.
struct ReplyStream {
    private var stream: TextStream
    /// The reply so far.
    private(set) var text: [UInt8] = []

    init(stopStrings: [String]) { stream = TextStream(stopStrings: stopStrings) }

    var stop: String? { stream.stop }
    /// Bytes of the model's that have been given out, or dropped as leading white space.
    var count: Int { stream.count }

    mutating func append(_ bytes: [UInt8]) -> [UInt8] { give(stream.append(bytes)) }
    mutating func finish() -> [UInt8] { give(stream.finish()) }

    private mutating func give(_ bytes: [UInt8]) -> [UInt8] {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || 0x09...0x0D ~= $0 }
        let piece = text.isEmpty ? Array(bytes.drop(while: isBlank)) : bytes
        text += piece
        return piece
    }
}

extension ChatTemplate.Segment {
    var special: String? { if case .special(let content) = self { content } else { nil } }
}
