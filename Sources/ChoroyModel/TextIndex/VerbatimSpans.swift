internal import ChoroySystem
public import ChoroyText
internal import Synchronization

/// A part of a text that stands word for word in an indexed one, and in no longer part that does.
public struct VerbatimSpan: Sendable, Equatable {
    /// Which tokens of the text.
    public let tokens: Range<Int>
}

extension TextIndex {
    /// Spans that lie in an earlier one with this many of their tokens may begin later than they could: that
    /// bounds the work on a text that repeats itself.
    static let longestOverlap = 1024

    /// The parts of a text that occur in the index and cannot be made longer at either end, in their order.
    ///
    /// A span ends before a token that cannot follow it; the next one begins at the first token from which on
    /// that token can be reached. Each takes a few searches, so the time hardly depends on the index.
    /// A word that the vocabulary does not have occurs nowhere.
    /// - Parameters:
    ///   - minimum: Tokens that a span must have.
    ///   - progress: Told the tokens that are done.
    public func verbatimSpans(
        in text: [TokenID], minimum: Int = 1, progress: (Int) -> Void = { _ in }
    ) -> [VerbatimSpan] {
        let (chunk, batch) = (2048, 64)
        let unknown = vocabulary.unknownToken
        // Neither a token nor the text's end has this number.
        let text = text.map { $0 == unknown ? -2 : $0 }
        var spans: [VerbatimSpan] = []
        for first in stride(from: 0, to: text.count, by: chunk * batch) {
            let end = min(text.count, first + chunk * batch)
            let parts = (end - first + chunk - 1) / chunk
            let found = Mutex([[VerbatimSpan]](repeating: [], count: parts))
            ThreadPool.shared.run(parts) { part in
                let start = first + part * chunk
                let spans = self.spans(in: text, from: start..<min(end, start + chunk))
                found.withLock { $0[part] = spans }
            }
            // The first of each part may lie in one that began before.
            for span in found.withLock({ $0 }).joined()
            where span.tokens.upperBound > spans.last?.tokens.upperBound ?? 0 {
                spans.append(span)
            }
            progress(end)
        }
        return spans.filter { $0.tokens.count >= minimum }
    }

    /// Spans that begin in `starts`; the first may not be the longest to the left.
    private func spans(in text: [TokenID], from starts: Range<Int>) -> [VerbatimSpan] {
        var spans: [VerbatimSpan] = []
        var start = starts.lowerBound
        // What is known of the span that begins at `start`: so many tokens, and where they occur.
        var (length, ranks) = (1, range(of: text[start...start]))
        while true {
            let end = unsafe text[start...].withUnsafeBufferPointer {
                unsafe start + longestPrefix(of: $0, in: ranks, known: length)
            }
            if end > start { spans.append(VerbatimSpan(tokens: start..<end)) }
            guard end < text.count else { break }
            // The token that stopped it belongs to the next, if it occurs at all.
            let lowest = max(start, end - Self.longestOverlap)
            (length, ranks) = longestEnd(of: text[min(lowest + 1, end)...end])
            start = end + 1 - length
            if length == 0, start < text.count {
                (length, ranks) = (1, range(of: text[start...start]))
            }
            guard start < starts.upperBound else { break }
        }
        return spans
    }

    /// How often a span occurs, and the first places by file and line, of the first 4,096 by the order of
    /// suffixes.
    ///
    /// - Throws: `FileError` when the index is damaged.
    public func occurrences(
        of span: VerbatimSpan, in text: [TokenID], limit: Int
    ) throws -> (count: Int, places: [ClosedRange<TextPlace>]) {
        let ranks = range(of: text[span.tokens])
        let found = ranks.prefix(4096).map { suffix($0) }.sorted().prefix(limit)
        let places = try found.map { start in
            let first = try place(ofToken: start)
            return first...max(first, try place(ofToken: start + span.tokens.count - 1))
        }
        return (ranks.count, places)
    }
}
