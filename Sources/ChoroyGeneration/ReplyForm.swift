import ChoroyText

/// What a template writes around a reply.
struct ReplyForm: Sendable {
    /// Before the reply: where the model starts to write.
    let opening: [ChatTemplate.Segment]
    /// After the reply, before the next turn.
    let closing: [ChatTemplate.Segment]

    /// Reads both off an example, so that any template will do.
    init(_ template: ChatTemplate) {
        opening = template.segments([], addGenerationPrompt: true).map(\.segment)
        let example = "\u{1}"
        let segments = template.segments([Message(role: .assistant, content: example)])
            .map(\.segment)
        var closing: [ChatTemplate.Segment] = []
        var isAfter = false
        for segment in segments {
            if isAfter { closing.append(segment) }
            if !isAfter, case .text(let text) = segment, let place = text.firstIndex(of: "\u{1}") {
                isAfter = true
                closing.append(.text(String(text[text.index(after: place)...])))
            }
        }
        self.closing = closing
    }
}

extension ChatTemplate.Segment {
    var special: String? { if case .special(let content) = self { content } else { nil } }
}

extension ChatTemplate {
    /// The ids of segments; neighbouring text is encoded together.
    func tokens(_ segments: [Segment], with encoding: any TextEncoding) -> [TokenID] {
        var tokens: [TokenID] = []
        var text: [UInt8] = []
        for segment in segments {
            switch segment {
            case .text(let piece): text += piece.utf8
            case .special(let content):
                guard let id = encoding.id(ofSpecial: content) else {
                    text += content.utf8
                    continue
                }
                tokens += encoding.encode(text)
                tokens.append(id)
                text = []
            }
        }
        return tokens + encoding.encode(text)
    }
}

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
