import HeapModule

/// The rounds of byte-pair training over distinct pieces.
///
/// Counts of pairs are kept up to date: a merge touches only the places where its pair stands. A
/// heap gives the next pair; an entry whose count has fallen since is put back with the new count.
struct MergeLearner {
    private(set) var tokens = TokenTable()
    private(set) var merges: [MergeTable.Merge] = []

    /// All pieces, one byte a cell, a -1 before each and at the end. A token's id stands in its
    /// first and in its last cell; a first cell that was merged away holds -2 unless it is the last
    /// cell of a longer token, so no place is ever mistaken for the start of what it was.
    private var cells: [TokenID]
    /// How often the piece that a cell belongs to occurs.
    private var weights: [Int]
    private var pairs = PairTable()
    private let specialTokens: [String]

    private struct Candidate: Comparable {
        var count: Int
        var key: UInt64
        var pair: Int

        static func < (a: Candidate, b: Candidate) -> Bool {
            a.count != b.count ? a.count < b.count : a.key > b.key
        }
    }

    /// Memory that a cell needs, with its places and pairs, measured on English.
    static let memoryOfCell = 64

    init(_ pieces: PieceCounter, specialTokens: [String]) {
        self.specialTokens = specialTokens
        for byte in UInt8.min...UInt8.max {
            tokens.append([byte])
            tokens.list(Int(byte))
        }
        cells = []
        weights = []
        cells.reserveCapacity(pieces.bytes.count + pieces.counts.count + 1)
        weights.reserveCapacity(pieces.bytes.count + pieces.counts.count + 1)
        for (index, count) in pieces.counts.enumerated() {
            let piece = pieces.offsets[index]..<pieces.offsets[index + 1]
            cells.append(-1)
            weights.append(count)
            for place in piece {
                cells.append(TokenID(pieces.bytes[place]))
                weights.append(count)
            }
        }
        cells.append(-1)
        weights.append(0)
        for place in cells.indices.dropLast() where cells[place] >= 0 && cells[place + 1] >= 0 {
            let pair = pairs.index(of: MergeTable.key(cells[place], cells[place + 1]))
            pairs.counts[pair] += weights[place]
            pairs.append(place, to: pair)
        }
    }

    /// Merges until there are `size` tokens or no pair occurs `minimumCount` times.
    ///
    /// `progress` is told the number of tokens, now and then.
    mutating func learn(until size: Int, minimumCount: Int, progress: (Int) -> Void = { _ in }) {
        var heap = Heap(
            pairs.counts.indices.lazy.filter { [counts = pairs.counts] in
                counts[$0] >= minimumCount
            }.map { [pairs] in
                Candidate(count: pairs.counts[$0], key: pairs.keys[$0], pair: $0)
            })
        var touched: [Int] = []
        while tokens.count < size, let top = heap.popMax() {
            let count = pairs.counts[top.pair]
            guard count == top.count else {
                if count >= minimumCount {
                    heap.insert(Candidate(count: count, key: top.key, pair: top.pair))
                }
                continue
            }
            let left = TokenID(truncatingIfNeeded: top.key >> 32)
            let right = TokenID(truncatingIfNeeded: top.key & 0xFFFF_FFFF)
            guard let result = result(of: left, right) else { continue }
            if !pairs.isMerged[top.pair] {
                pairs.isMerged[top.pair] = true
                merges.append(.init(left: left, right: right, result: result))
            }
            if tokens.count & 0xFF == 0 { progress(tokens.count) }
            touched.removeAll(keepingCapacity: true)
            apply(top.pair, left, right, result, touched: &touched)
            for pair in touched where pairs.counts[pair] >= minimumCount {
                heap.insert(
                    Candidate(count: pairs.counts[pair], key: pairs.keys[pair], pair: pair))
            }
            for pair in touched { pairs.isTouched[pair] = false }
        }
    }

    /// The id for a merge: a new one, or that of the token which has these bytes already; nil when
    /// the token would be spelled like a special token.
    private mutating func result(of left: TokenID, _ right: TokenID) -> TokenID? {
        let bytes = Array(tokens.bytes(of: Int(left)) + tokens.bytes(of: Int(right)))
        if let known = tokens.id(of: bytes) { return known }
        if specialTokens.contains(where: {
            $0.utf8.count >= bytes.count
                && $0.utf8.elementsEqual(ByteAlphabet.text(of: bytes).utf8)
        }) {
            return nil
        }
        let id = tokens.count
        tokens.append(bytes)
        tokens.list(id)
        return TokenID(id)
    }

    private mutating func apply(
        _ pair: Int, _ left: TokenID, _ right: TokenID, _ result: TokenID, touched: inout [Int]
    ) {
        let places = pairs.takePlaces(of: pair)
        let leftLength = tokens.length(of: Int(left))
        let rightLength = tokens.length(of: Int(right))
        for place in places.lazy.map(Int.init) {
            let middle = place + leftLength
            guard cells[place] == left, cells[middle] == right else { continue }
            let end = middle + rightLength
            let weight = weights[place]
            let before = cells[place - 1]
            let after = cells[end]
            pairs.counts[pair] -= weight
            if before >= 0 {
                let start = place - tokens.length(of: Int(before))
                change(before, left, by: -weight)
                add(before, result, weight, at: start, touched: &touched)
            }
            if after >= 0 {
                change(right, after, by: -weight)
                add(result, after, weight, at: place, touched: &touched)
            }
            cells[middle] = -2
            cells[place] = result
            cells[end - 1] = result
        }
    }

    private mutating func change(_ left: TokenID, _ right: TokenID, by weight: Int) {
        pairs.counts[pairs.index(of: MergeTable.key(left, right))] += weight
    }

    private mutating func add(
        _ left: TokenID, _ right: TokenID, _ weight: Int, at place: Int, touched: inout [Int]
    ) {
        let pair = pairs.index(of: MergeTable.key(left, right))
        pairs.counts[pair] += weight
        pairs.append(place, to: pair)
        if !pairs.isTouched[pair] {
            pairs.isTouched[pair] = true
            touched.append(pair)
        }
    }
}

/// Every pair of ids that ever stood side by side: its count and its places.
struct PairTable {
    private(set) var keys: [UInt64] = []
    var counts: [Int] = []
    var isTouched: [Bool] = []
    var isMerged: [Bool] = []
    /// The first and last node of each pair's list of places, their index and 1; 0 for none.
    private var heads: [UInt32] = []
    private var tails: [UInt32] = []
    private var nodes: [(place: UInt32, next: UInt32)] = []
    /// Open addressing: index + 1; 0 is free.
    private var slots = [UInt32](repeating: 0, count: 1 << 12)
    private let hash = PieceHash()

    /// The index of a pair, made when it is new.
    mutating func index(of key: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash(pair: key)) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if keys[index] == key { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        keys.append(key)
        counts.append(0)
        isTouched.append(false)
        isMerged.append(false)
        heads.append(0)
        tails.append(0)
        slots[slot] = UInt32(keys.count)
        if 2 * keys.count > slots.count { grow() }
        return keys.count - 1
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 4)
        for (index, key) in keys.enumerated() {
            var slot = Int(truncatingIfNeeded: hash(pair: key)) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(index + 1)
        }
    }

    mutating func append(_ place: Int, to pair: Int) {
        nodes.append((UInt32(truncatingIfNeeded: place), 0))
        let node = UInt32(truncatingIfNeeded: nodes.count)
        if tails[pair] > 0 { nodes[Int(tails[pair]) - 1].next = node }
        if heads[pair] == 0 { heads[pair] = node }
        tails[pair] = node
    }

    /// The places of a pair in ascending order; the pair has none afterwards.
    mutating func takePlaces(of pair: Int) -> [UInt32] {
        var places: [UInt32] = []
        var isAscending = true
        var last: UInt32 = 0
        var next = heads[pair]
        while next > 0 {
            let node = nodes[Int(next) - 1]
            if node.place < last { isAscending = false }
            last = node.place
            places.append(last)
            next = node.next
        }
        heads[pair] = 0
        tails[pair] = 0
        if !isAscending { places.sort() }
        return places
    }
}
