/// How tokens of digits are merged from single digits, and so which of them may stand side by side.
struct DigitDerivations {
    private(set) var ids: [TokenID] = []
    private(set) var digits: [[UInt8]] = []
    /// Whether merging makes this token of its own digits.
    private(set) var isReached: [Bool] = []
    private var indices: [TokenID: Int] = [:]
    /// The rank of the last merge that makes each token; -1 for a digit.
    private var formed: [Int] = []
    /// The merges by the indices of the two sides.
    private var merges: [SIMD2<Int32>: (rank: Int, result: Int)] = [:]

    /// A token at the edge of another, and the rank of the merge that takes it in.
    private typealias Edge = (index: Int, limit: Int)
    /// For each token the tokens that begin with it and those that end with it at some time, it itself among them.
    private var beginningWith: [[Edge]] = []
    private var endingWith: [[Edge]] = []

    mutating func add(_ id: TokenID, _ digits: [UInt8]) {
        guard indices[id] == nil else { return }
        indices[id] = ids.count
        ids.append(id)
        self.digits.append(digits)
    }

    /// Follows the merges of every token; false when their ranks do not rise on the way, as those of a training do.
    mutating func derive(_ list: [(rank: Int, merge: MergeTable.Merge)]) -> Bool {
        for (rank, merge) in list {
            guard let left = indices[merge.left], let right = indices[merge.right],
                let result = indices[merge.result],
                digits[left] + digits[right] == digits[result]
            else { return false }
            merges[SIMD2(Int32(left), Int32(right))] = (rank, result)
        }
        isReached = [Bool](repeating: false, count: ids.count)
        formed = [Int](repeating: -1, count: ids.count)
        beginningWith = [[Edge]](repeating: [], count: ids.count)
        endingWith = beginningWith
        return ids.indices.allSatisfy { derive($0) }
    }

    private mutating func derive(_ index: Int) -> Bool {
        struct Part {
            var index: Int
            var first: [Edge] = []
            var last: [Edge] = []
        }
        var parts = digits[index].map { Part(index: Int($0)) }
        var rank = -1
        var isOrdered = true
        while parts.count > 1 {
            var best = (rank: Int.max, place: 0, result: 0)
            for place in parts.indices.dropLast() {
                let sides = SIMD2(Int32(parts[place].index), Int32(parts[place + 1].index))
                if let merge = merges[sides], merge.rank < best.rank {
                    best = (merge.rank, place, merge.result)
                }
            }
            guard best.rank < .max else { return true }
            isOrdered = isOrdered && rank <= best.rank
            rank = best.rank
            let (left, right) = (parts[best.place], parts[best.place + 1])
            parts[best.place] = Part(
                index: best.result, first: left.first + [(left.index, rank)],
                last: right.last + [(right.index, rank)])
            parts.remove(at: best.place + 1)
        }
        guard parts[0].index == index else { return true }
        isReached[index] = true
        formed[index] = rank
        for edge in parts[0].first + [(index, .max)] {
            beginningWith[edge.index].append((index, edge.limit))
        }
        for edge in parts[0].last + [(index, .max)] {
            endingWith[edge.index].append((index, edge.limit))
        }
        return isOrdered
    }

    /// For each token a row of bits, which tokens may stand behind it; index + 1 is the number of a row and of a bit.
    /// A row of zeros comes first, and a row of ones last.
    ///
    /// Two tokens may not stand side by side when at some time a pair across the border is merged: as soon as both
    /// sides are there and its rank has come, before the merge that takes in the left side, which is first among
    /// equals, and not after the one that takes in the right side.
    func neighbours() -> (rows: [UInt64], rowSize: Int) {
        let size = (ids.count + 64) / 64
        var rows = [UInt64](repeating: .max, count: size * (ids.count + 2))
        for word in 0..<size { rows[word] = 0 }
        for row in 1...ids.count + 1 { rows[row * size] &= ~1 }
        var behind = [UInt64](repeating: 0, count: size)
        for (sides, merge) in merges {
            let (left, right) = (Int(sides[0]), Int(sides[1]))
            let rank = max(merge.rank, formed[left], formed[right])
            for word in behind.indices { behind[word] = 0 }
            for edge in beginningWith[right] where rank <= edge.limit {
                behind[(edge.index + 1) / 64] |= 1 << UInt64((edge.index + 1) % 64)
            }
            for edge in endingWith[left] where rank < edge.limit {
                let row = (edge.index + 1) * size
                for word in behind.indices { rows[row + word] &= ~behind[word] }
            }
        }
        return (rows, size)
    }
}
