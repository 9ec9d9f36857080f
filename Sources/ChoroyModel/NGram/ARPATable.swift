import ChoroyText

/// The n-grams of an ARPA file, in any order, on their way into a model.
///
/// A model needs for each n-gram the ones without its last and without its first token. A pruned file
/// may lack them; they are added with the probability that backing off gives, so that the model gives
/// what the file says.
struct ARPATable {
    private var levels: [Level]
    let vocabularySize: Int
    let hasStart: Bool

    private struct Level {
        /// `order` ids for each n-gram.
        var ids: [TokenID] = []
        /// In nats; nan for an n-gram that was added.
        var logProbabilities: [Double] = []
        var backoffs: [Double] = []
        var count: Int { logProbabilities.count }
    }

    init(order: Int, vocabularySize: Int, hasStart: Bool) {
        levels = [Level](repeating: Level(), count: order)
        self.vocabularySize = vocabularySize
        self.hasStart = hasStart
        let unigrams = vocabularySize + (hasStart ? 1 : 0)
        levels[0].ids = (0..<TokenID(unigrams)).map { $0 }
        // What KenLM gives to a word that the file does not have: 10^-100.
        levels[0].logProbabilities = [Double](repeating: -100 * ARPAReader.ln10, count: unigrams)
        levels[0].backoffs = [Double](repeating: 0, count: unigrams)
    }

    mutating func set(unigram id: Int, _ logProbability: Double, _ backoff: Double) {
        levels[0].logProbabilities[id] = logProbability
        levels[0].backoffs[id] = backoff
    }

    mutating func append(
        _ ids: some Collection<TokenID>, _ logProbability: Double, _ backoff: Double
    ) {
        let level = ids.count - 1
        levels[level].ids += ids
        levels[level].logProbabilities.append(logProbability)
        levels[level].backoffs.append(backoff)
    }

    /// The model, or the ids of an n-gram that occurs twice.
    mutating func model(endToken: TokenID?) -> Result<NGramModel, Duplicate> {
        while true {
            for level in (1..<max(1, levels.count)).reversed() {
                if let ids = sort(level) { return .failure(Duplicate(ids: ids)) }
                if level > 1 { addPrefixes(of: level) }
            }
            let children = levels.indices.dropLast().map { self.children(of: $0) }
            let lastTokens = levels.indices.map { self.lastTokens(of: $0) }
            var suffixes: [[UInt32]] = [[]]
            var isComplete = true
            for level in 1..<max(1, levels.count) {
                var missing: [Int] = []
                suffixes.append(
                    SuffixLinks.links(
                        children: children[level - 1], tokens: lastTokens[level],
                        suffixes: level == 1 ? nil : suffixes[level - 1],
                        lowerChildren: level == 1 ? [] : children[level - 2],
                        lowerTokens: lastTokens[level - 1], missing: { missing.append($0) }))
                let order = level + 1
                for index in missing {
                    let ids = levels[level].ids[index * order + 1..<(index + 1) * order]
                    append(Array(ids), .nan, 0)
                }
                if !missing.isEmpty {
                    isComplete = false
                    break
                }
            }
            if !isComplete { continue }
            fillAdded(children, suffixes)
            let made = levels.indices.map { level in
                NGramModel.Level(
                    tokens: lastTokens[level], logProbabilities: levels[level].logProbabilities,
                    backoffs: level + 1 < levels.count ? levels[level].backoffs : [],
                    children: level + 1 < levels.count ? children[level] : [],
                    suffixes: suffixes[level])
            }
            return .success(
                NGramModel(levels: made, vocabularySize: vocabularySize, endToken: endToken))
        }
    }

    struct Duplicate: Error { let ids: [TokenID] }

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

    /// Where the continuations of each n-gram of a level begin in the next.
    private func children(of level: Int) -> [UInt32] {
        let order = level + 1
        var children: [UInt32] = []
        children.reserveCapacity(levels[level].count + 1)
        var place = 0
        let upper = levels[level + 1]
        for index in 0..<levels[level].count {
            children.append(UInt32(place))
            let own = levels[level].ids[index * order..<(index + 1) * order]
            while place < upper.count
                && upper.ids[place * (order + 1)..<place * (order + 1) + order].elementsEqual(own)
            { place += 1 }
        }
        children.append(UInt32(place))
        return children
    }

    private func lastTokens(of level: Int) -> [TokenID] {
        let order = level + 1
        return (0..<levels[level].count).map { levels[level].ids[$0 * order + level] }
    }

    /// Gives each n-gram that was added the probability that backing off gives.
    private mutating func fillAdded(_ children: [[UInt32]], _ suffixes: [[UInt32]]) {
        for level in 1..<max(1, levels.count) {
            for context in 0..<levels[level - 1].count {
                let range = children[level - 1][context]..<children[level - 1][context + 1]
                for index in range.map(Int.init)
                where levels[level].logProbabilities[index].isNaN {
                    let lower = levels[level - 1].logProbabilities[Int(suffixes[level][index])]
                    levels[level].logProbabilities[index] =
                        levels[level - 1].backoffs[context] + lower
                }
            }
        }
    }
}
