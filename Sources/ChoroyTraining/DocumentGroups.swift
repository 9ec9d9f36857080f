internal import ChoroySystem
internal import ChoroyText

/// Documents in groups of many contexts: small enough that a group's documents are put in a new order
/// in passing, and so large that little is lost where a group ends.
///
/// A group is a run of neighbouring documents, which stand in a new order in each pass; it is read in
/// pieces of one context, from a random offset on.
struct DocumentGroups: Sendable {
    /// First document and first piece of each group; then what is behind the last one.
    private var documents: [Int] = []
    private var pieces: [Int] = [0]
    private let context: Int

    /// The groups of the documents in `range`.
    init(_ range: Range<Int>, of tokens: TrainingTokens, context: Int) {
        self.context = context
        let target = max(1 << 16, 256 * context)
        documents = [range.lowerBound]
        var sizes: [Int] = []
        var first = tokens.start(ofDocument: range.lowerBound)
        for document in range {
            let end = tokens.start(ofDocument: document + 1)
            guard end - first >= target || document + 1 == range.upperBound else { continue }
            // A small rest joins the group before it.
            if end - first < target, !sizes.isEmpty {
                sizes[sizes.count - 1] += end - first
                documents[documents.count - 1] = document + 1
            } else {
                sizes.append(end - first)
                documents.append(document + 1)
            }
            first = end
        }
        for size in sizes {
            pieces.append(pieces[pieces.count - 1] + Self.pieces(size, context: context))
        }
    }

    /// Pieces that one pass reads of `size` tokens; one is left for the offset.
    private static func pieces(_ size: Int, context: Int) -> Int {
        max(1, (size - 1) / context - 1)
    }

    /// Pieces of all groups.
    var pieceCount: Int { pieces[pieces.count - 1] }

    /// The group of a piece: its number, its documents, and the piece's number in it.
    func group(of piece: Int) -> (number: Int, documents: Range<Int>, piece: Int) {
        var (low, high) = (0, pieces.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if pieces[middle] <= piece { low = middle } else { high = middle }
        }
        return (low, documents[low]..<documents[low + 1], piece - pieces[low])
    }
}

/// The documents of a group in the order of one pass.
struct GroupOrder: Sendable {
    /// Where each document lies in the text.
    private let ranges: [Range<Int>]
    private let offset: Int

    init(_ documents: Range<Int>, of tokens: TrainingTokens, context: Int, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var start = tokens.start(ofDocument: documents.lowerBound)
        let first = start
        let ranges = documents.map { document in
            let end = tokens.start(ofDocument: document + 1)
            defer { start = end }
            return start..<max(start, end)
        }
        self.ranges = EpochOrder.shuffled(ranges.count, using: &random).map { ranges[Int($0)] }
        let size = start - first
        let pieces = max(1, (size - 1) / context - 1)
        offset = random.below(max(0, min(context, size - 1 - pieces * context)) + 1)
    }

    /// Appends `context + 1` tokens, those of piece `piece` and the one behind them.
    func append(
        _ piece: Int, of tokens: TrainingTokens, context: Int, to result: inout [TokenID]
    ) {
        var skipped = offset + piece * context
        var wanted = context + 1
        for range in ranges where wanted > 0 {
            if skipped >= range.count {
                skipped -= range.count
                continue
            }
            let start = range.lowerBound + skipped
            let end = min(range.upperBound, start + wanted)
            tokens.append(start..<end, to: &result)
            wanted -= end - start
            skipped = 0
        }
    }
}
