/// The pieces that merges are learnt from: all that occur in a text, or where memory does not hold all of them,
/// those that occur most often.
struct PieceSelection {
    private(set) var pieces: PieceCounter
    /// How many different pieces there are, and how often any of them occurs.
    private(set) var distinct = 0
    private(set) var occurrences = 0
    /// A piece that occurs less often was left out; 1 when none was.
    private(set) var minimumCount = 1
    /// How often the pieces here occur.
    private(set) var kept = 0

    /// What learning needs for one piece at most, in bytes of memory.
    private static func cost(_ bytes: Int) -> Int { (bytes + 1) * MergeLearner.memoryOfCell }

    /// All of `pieces`, or as many as `memory` bytes are enough for.
    init(_ pieces: PieceCounter, memory: Int?) {
        self.pieces = pieces
        var costs: [Int: Int] = [:]
        for index in pieces.counts.indices {
            note(pieces[index].count, pieces.counts[index], &costs)
        }
        settle(costs, memory)
        guard minimumCount > 1 else {
            kept = occurrences
            return
        }
        self.pieces = PieceCounter(hash: PieceHash())
        for index in pieces.counts.indices { keep(pieces[index], pieces.counts[index]) }
    }

    /// - Throws: `FileError` when the runs cannot be read.
    init(_ runs: PieceRuns, memory: Int?) throws {
        pieces = PieceCounter(hash: PieceHash())
        var costs: [Int: Int] = [:]
        try runs.forEach { note($0.count, $1, &costs) }
        settle(costs, memory)
        try runs.forEach { keep($0, $1) }
    }

    private mutating func note(_ length: Int, _ count: Int, _ costs: inout [Int: Int]) {
        distinct += 1
        occurrences += count
        costs[count, default: 0] += Self.cost(length)
    }

    /// Finds the smallest count whose pieces all fit with those that occur more often.
    private mutating func settle(_ costs: [Int: Int], _ memory: Int?) {
        guard let memory else { return }
        var total = 0
        for (count, cost) in costs.sorted(by: { $0.key > $1.key }) {
            total += cost
            guard total <= memory else {
                minimumCount = count + 1
                return
            }
        }
    }

    private mutating func keep(_ piece: ArraySlice<UInt8>, _ count: Int) {
        guard count >= minimumCount else { return }
        pieces.append(piece, count: count)
        kept += count
    }
}
