public import ChoroyText

/// A text in two parts: one to learn from, one to be judged by.
public struct TextSplit: Sendable {
    public let training: [ArraySlice<UInt8>]
    public let validation: [ArraySlice<UInt8>]

    /// Holds back parts from all over the text: every tenth document where there are at least ten,
    /// else every twentieth of up to 200 pieces that begin with a line.
    ///
    /// A split at the end would be judged by what the text ends with alone: in a book that is new
    /// names and scenes, and the model would never learn from the part closest to what comes next.
    public init(_ corpus: Corpus) {
        let documents = corpus.documents
        if documents.count >= 10 {
            training = documents.indices.filter { $0 % 10 != 9 }.map { documents[$0] }
            validation = documents.indices.filter { $0 % 10 == 9 }.map { documents[$0] }
            return
        }
        // Pieces of at least 1 KB, and at least twenty of them.
        let size = max(1, min(1024, corpus.byteCount / 20), corpus.byteCount / 200)
        var training: [ArraySlice<UInt8>] = []
        var validation: [ArraySlice<UInt8>] = []
        var pieces = 0
        for document in documents {
            // What is learned between two pieces held back stays one document.
            var open = document.startIndex
            var place = document.startIndex
            while place < document.endIndex {
                let end = Self.lineStart(in: document, from: place + size)
                if pieces % 20 == 9 {
                    if open < place { training.append(document[open..<place]) }
                    validation.append(document[place..<end])
                    open = end
                }
                pieces += 1
                place = end
            }
            if open < place { training.append(document[open..<place]) }
        }
        // A text of few long lines has too few pieces; it gives up its last one.
        if validation.isEmpty, let last = training.last, corpus.byteCount >= 10 {
            let end = last.endIndex
            let place = Self.lineStart(in: last[..<end], from: end - max(1, last.count / 20))
            let cut = place < end ? place : end - 1
            if cut > last.startIndex {
                training[training.count - 1] = last[..<cut]
                validation = [last[cut...]]
            }
        }
        self.training = training
        self.validation = validation
    }

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
