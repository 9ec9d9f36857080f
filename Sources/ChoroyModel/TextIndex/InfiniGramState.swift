internal import ChoroyText

/// What an infini-gram remembers of a sequence: its tokens, and where the index has their ends.
public struct InfiniGramState: SequenceState {
    let index: TextIndex
    private(set) var tokens: [TokenID] = []
    /// The suffixes that begin with the last k tokens, for k from 0 to the model's shorter orders; none empty.
    private(set) var ends: [Range<Int>]
    /// The longest end that occurs.
    private(set) var longest: (length: Int, range: Range<Int>)
    private let maximumOrder: Int

    init(_ index: TextIndex, maximumOrder: Int) {
        self.index = index
        self.maximumOrder = maximumOrder
        ends = [0..<index.count]
        longest = (0, 0..<index.count)
    }

    public var count: Int { tokens.count }

    public mutating func truncate(to count: Int) {
        precondition(
            count >= 0 && count <= tokens.count, "truncate \(tokens.count) tokens to \(count)")
        guard count < tokens.count else { return }
        tokens.removeLast(tokens.count - count)
        find()
    }

    /// Looks all ends up anew.
    private mutating func find() {
        let mark = TokenID(exactly: index.mark) ?? -1
        // Nothing before a mark tells what follows it.
        let row = tokens[(tokens.lastIndex(of: mark) ?? 0)...]
        longest = index.longestEnd(of: row)
        ends = [0..<index.count]
        for length in 1...max(1, min(longest.length, maximumOrder))
        where length <= longest.length {
            ends.append(
                length == longest.length ? longest.range : index.range(of: row.suffix(length)))
        }
    }

    mutating func append(_ token: TokenID) {
        tokens.append(token)
        guard Int(token) != index.mark else { return find() }
        var next = [0..<index.count]
        for (depth, range) in ends.enumerated() where depth < maximumOrder {
            let range = index.extending(range, depth: depth, by: Int(token))
            if range.isEmpty { break }
            next.append(range)
        }
        if next.count <= min(longest.length, maximumOrder) || longest.length < maximumOrder {
            // The longest end of all is among the short ones.
            longest = (next.count - 1, next[next.count - 1])
        } else {
            let range = index.extending(
                longest.range, depth: longest.length, by: Int(token))
            longest =
                range.isEmpty
                ? index.longestEnd(of: tokens.suffix(longest.length), known: next.count - 1)
                : (longest.length + 1, range)
        }
        ends = next
    }
}
