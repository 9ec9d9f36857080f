public import ChoroyText


/// A text in two parts: one to learn from, one to be judged by.
public struct TextSplit: Sendable {
    public let training: [ArraySlice<UInt8>]
    public let validation: [ArraySlice<UInt8>]

    /// Holds back the last tenth of the bytes: whole documents where there are at least ten, else the
    /// end of the last one from the beginning of a line on.
    public init(_ corpus: Corpus, share: Double = 0.1) {
        var held = Int(Double(corpus.byteCount) * share)
        var documents = corpus.documents
        var validation: [ArraySlice<UInt8>] = []
        let wholeOnly = documents.count >= 10
        while held > 0, let last = documents.last {
            if last.count <= held || wholeOnly {
                if documents.count == 1 { break }
                documents.removeLast()
                validation.insert(last, at: 0)
                held -= last.count
                continue
            }
            let middle = last.endIndex - held
            let cut = last[middle...].firstIndex(of: 10).map { $0 + 1 } ?? middle
            let place = cut < last.endIndex ? cut : middle
            documents[documents.count - 1] = last[..<place]
            validation.insert(last[place...], at: 0)
            break
        }
        training = documents
        self.validation = validation
    }

    /// Validation text of at most `limit` bytes for the look during training, from its beginning.
    public func validationSample(limit: Int) -> [ArraySlice<UInt8>] {
        var left = limit
        var sample: [ArraySlice<UInt8>] = []
        for document in validation where left > 0 {
            sample.append(document.prefix(left))
            left -= document.count
        }
        return sample
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
