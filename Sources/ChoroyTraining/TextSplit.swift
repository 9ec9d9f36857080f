public import ChoroyText

/// A text in two parts: one to learn from, one to be judged by.
public struct TextSplit: Sendable {
    public let training: [ArraySlice<UInt8>]
    public let validation: [ArraySlice<UInt8>]

    /// Holds back parts from all over the text, as `TextSplitter` says; a text of few long lines gives
    /// up its last one.
    public init(_ corpus: Corpus) {
        let documents = corpus.documents
        var splitter = TextSplitter(documents: documents.count, bytes: corpus.byteCount)
        var training: [ArraySlice<UInt8>] = []
        var validation: [ArraySlice<UInt8>] = []
        for document in documents {
            // The splitter gives all bytes in their order, so places are enough.
            var start = document.startIndex
            var end = start
            func take(_ event: TextSplitter.Event) {
                switch event {
                case .bytes(let bytes, _): end += bytes.count
                case .end(isValidation: true): validation.append(document[start..<end])
                case .end(isValidation: false): training.append(document[start..<end])
                }
                if case .end = event { start = end }
            }
            splitter.feed(document, take)
            splitter.endDocument(take)
        }
        // A text of few long lines has too few pieces; it gives up its last one.
        if validation.isEmpty, let last = training.last, corpus.byteCount >= 10 {
            let end = last.endIndex
            let place = Self.lineStart(in: last, from: end - max(1, last.count / 20))
            let cut = place < end ? place : end - 1
            if cut > last.startIndex {
                training[training.count - 1] = last[..<cut]
                validation = [last[cut...]]
            }
        }
        self.training = training
        self.validation = validation
    }

    /// Texts above this size have enough pieces that their last line need not be given up.
    static let largestWithFewPieces = 1 << 16

    /// The first beginning of a line at or behind `index`; without one close by, the first beginning
    /// of a character, so that no character of UTF-8 is cut.
    private static func lineStart(in document: ArraySlice<UInt8>, from index: Int) -> Int {
        guard index < document.endIndex else { return document.endIndex }
        let near = document[index..<min(document.endIndex, index + 4096)]
        if let line = near.firstIndex(of: 10) { return line + 1 }
        return near.prefix(4).firstIndex { $0 & 0xC0 != 0x80 } ?? index
    }

    /// Validation text of at most `limit` bytes for the look during training: the beginnings of
    /// documents all over it.
    public func validationSample(limit: Int) -> [ArraySlice<UInt8>] {
        let total = validation.reduce(0) { $0 + $1.count }
        guard total > limit else { return validation }
        // As many documents as have the limit's share each, evenly spread.
        let count = max(1, min(validation.count, limit / 2048))
        return (0..<count).map { validation[$0 * validation.count / count].prefix(limit / count) }
    }

    /// The tokens of `documents`, each followed by the end-of-text token when there is one.
    public static func tokens(
        _ documents: [ArraySlice<UInt8>], encoding: some TextEncoding, end: TokenID?
    ) -> [TokenID] {
        var tokens: [TokenID] = []
        for document in documents {
            tokens += encoding.encode(Array(document))
            if let end { tokens.append(end) }
        }
        return tokens
    }
}
