public import ChoroyText

/// A text in two parts: one to learn from, one to be judged by.
public struct TextSplit: Sendable {
    public let training: [ArraySlice<UInt8>]
    public let validation: [ArraySlice<UInt8>]

    /// Holds back a tenth: every tenth document where there are at least ten, so that all kinds of
    /// documents are in both parts; else the end of the text, from the beginning of a line on.
    public init(_ corpus: Corpus) {
        let documents = corpus.documents
        if documents.count >= 10 {
            training = documents.indices.filter { $0 % 10 != 9 }.map { documents[$0] }
            validation = documents.indices.filter { $0 % 10 == 9 }.map { documents[$0] }
            return
        }
        var kept = documents
        var validation: [ArraySlice<UInt8>] = []
        var held = corpus.byteCount / 10
        while held > 0, let last = kept.popLast() {
            if last.count <= held && !kept.isEmpty {
                validation.insert(last, at: 0)
                held -= last.count
                continue
            }
            var place = last.endIndex - min(held, last.count - 1)
            if let line = last[place...].dropLast().firstIndex(of: 10) {
                place = line + 1
            } else {
                // No line begins here: at least no character of UTF-8 is cut.
                while place > last.startIndex + 1, last[place] & 0xC0 == 0x80 { place -= 1 }
            }
            kept.append(last[..<place])
            validation.insert(last[place...], at: 0)
            break
        }
        training = kept
        self.validation = validation
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
