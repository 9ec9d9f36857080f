import ChoroyText

/// The n-grams of an ARPA file, in any order, on their way into a model.
///
/// A model needs for each n-gram those that it begins with. A pruned file may lack them; they are added with
/// the probability that backing off gives, so that the model gives what the file says.
struct ARPATable {
    private var levels: [Level]
    let vocabularySize: Int

    private struct Level {
        /// `order` ids for each n-gram.
        var ids: [TokenID] = []
        /// In base 10; nan for an n-gram that was added.
        var logProbabilities: [Float] = []
        var backoffs: [Float] = []
        var count: Int { logProbabilities.count }
    }

    init(order: Int, vocabularySize: Int, hasStart: Bool) {
        levels = [Level](repeating: Level(), count: order)
        self.vocabularySize = vocabularySize
        let unigrams = vocabularySize + (hasStart ? 1 : 0)
        levels[0].ids = (0..<TokenID(unigrams)).map { $0 }
        // What KenLM gives to a word that the file does not have: 10^-100.
        levels[0].logProbabilities = [Float](repeating: -100, count: unigrams)
        levels[0].backoffs = [Float](repeating: 0, count: unigrams)
    }

    mutating func set(unigram id: Int, _ logProbability: Float, _ backoff: Float) {
        levels[0].logProbabilities[id] = logProbability
        levels[0].backoffs[id] = backoff
    }

    mutating func append(
        _ ids: some Collection<TokenID>, _ logProbability: Float, _ backoff: Float
    ) {
        let level = ids.count - 1
        levels[level].ids += ids
        levels[level].logProbabilities.append(logProbability)
        levels[level].backoffs.append(backoff)
    }

    /// The model, or the ids of an n-gram that occurs twice.
    mutating func model(endToken: TokenID?) -> Result<NGramModel, Duplicate> {
        for level in (1..<max(1, levels.count)).reversed() {
            if let ids = sort(level) { return .failure(Duplicate(ids: ids)) }
            if level > 1 { addPrefixes(of: level) }
        }
        let trie = NGramTrie(counts: levels.map(\.count))
        for level in levels.indices { fill(trie, level) }
        trie.closeChildren()
        for level in 1..<max(1, levels.count) {
            for index in 0..<levels[level].count where levels[level].logProbabilities[index].isNaN {
                let ids = levels[level].ids[index * (level + 1)..<(index + 1) * (level + 1)]
                trie.rows[level].first.set(index, Self.score(trie, ids, isAdded: true))
            }
        }
        return .success(
            NGramModel(trie, vocabularySize: vocabularySize, endToken: endToken))
    }

    struct Duplicate: Error { let ids: [TokenID] }

    /// Writes the rows of a level; the next level is sorted.
    private func fill(_ trie: NGramTrie, _ level: Int) {
        let order = level + 1
        let rows = trie.rows[level]
        let own = levels[level]
        var child = 0
        for index in 0..<own.count {
            let row = unsafe rows.pointer + index * rows.width
            unsafe row[0] = UInt32(own.ids[index * order + level])
            unsafe row[1] = own.logProbabilities[index].bitPattern
            if order == levels.count { continue }
            unsafe row[2] = own.backoffs[index].bitPattern
            unsafe row[3] = UInt32(child)
            let upper = levels[order]
            let ids = own.ids[index * order..<(index + 1) * order]
            while child < upper.count
                && upper.ids[child * (order + 1)..<child * (order + 1) + order].elementsEqual(ids)
            { child += 1 }
        }
    }

    /// What the levels below an n-gram's own give for it; its own too when it was not added.
    private static func score(_ trie: NGramTrie, _ ids: ArraySlice<TokenID>, isAdded: Bool) -> Float
    {
        guard let last = ids.last else { return 0 }
        if !isAdded, let place = place(trie, ids) {
            return trie.rows[ids.count - 1].first.float(place)
        }
        if ids.count == 1 { return trie.rows[0].first.float(Int(last)) }
        let lower = score(trie, ids.dropFirst(), isAdded: false)
        guard let context = place(trie, ids.dropLast()) else { return lower }
        return lower + trie.rows[ids.count - 2].second.float(context)
    }

    /// Where an n-gram is in its level.
    private static func place(_ trie: NGramTrie, _ ids: ArraySlice<TokenID>) -> Int? {
        guard var place = ids.first.map({ Int($0) }) else { return nil }
        for (level, id) in ids.dropFirst().enumerated() {
            let children = trie.rows[level].children(place)
            var (low, high) = (children.lowerBound, children.upperBound)
            while low < high {
                let middle = low + (high - low) / 2
                if trie.rows[level + 1].token(middle) < UInt32(id) {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            guard low < children.upperBound, trie.rows[level + 1].token(low) == UInt32(id)
            else { return nil }
            place = low
        }
        return place
    }

    /// Sorts a level by its ids and drops what was added twice; gives back what the file has twice.
    private mutating func sort(_ level: Int) -> [TokenID]? {
        let order = level + 1
        let old = levels[level]
        let isSorted = (1..<max(1, old.count)).allSatisfy {
            Self.compare(old.ids, $0 - 1, $0, order) < 0
        }
        if isSorted { return nil }
        // What the file says comes before what was added.
        let places = (0..<old.count).sorted { a, b in
            let difference = Self.compare(old.ids, a, b, order)
            return difference != 0 ? difference < 0 : a < b
        }
        var sorted = Level()
        var previous: Int?
        for place in places {
            if let previous, Self.compare(old.ids, previous, place, order) == 0 {
                if old.logProbabilities[place].isNaN { continue }
                return Array(old.ids[place * order..<(place + 1) * order])
            }
            sorted.ids += old.ids[place * order..<(place + 1) * order]
            sorted.logProbabilities.append(old.logProbabilities[place])
            sorted.backoffs.append(old.backoffs[place])
            previous = place
        }
        levels[level] = sorted
        return nil
    }

    /// Below, at or above 0 as n-gram `a` comes before, is, or comes after n-gram `b`.
    private static func compare(_ ids: [TokenID], _ a: Int, _ b: Int, _ order: Int) -> Int {
        for offset in 0..<order {
            let difference = Int(ids[a * order + offset]) - Int(ids[b * order + offset])
            if difference != 0 { return difference }
        }
        return 0
    }

    /// Adds to the level below what the n-grams of a sorted level begin with, where it may be missing.
    private mutating func addPrefixes(of level: Int) {
        let order = level + 1
        var known = Set<[TokenID]>()
        if case let lower = levels[level - 1], !Self.hasAllPrefixes(levels[level], order, lower) {
            for index in 0..<lower.count {
                known.insert(Array(lower.ids[index * level..<(index + 1) * level]))
            }
            for index in 0..<levels[level].count {
                let prefix = Array(levels[level].ids[index * order..<index * order + level])
                if known.insert(prefix).inserted { append(prefix, .nan, 0) }
            }
        }
    }

    /// Whether a sorted level's n-grams all begin with one of `lower`, when that is sorted too.
    private static func hasAllPrefixes(_ upper: Level, _ order: Int, _ lower: Level) -> Bool {
        let level = order - 1
        var place = 0
        for index in 0..<upper.count {
            let start = index * order
            while place < lower.count
                && !lower.ids[place * level..<(place + 1) * level]
                    .elementsEqual(upper.ids[start..<start + level])
            { place += 1 }
            if place == lower.count { return false }
        }
        return true
    }
}
