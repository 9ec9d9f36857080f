import ChoroyText

/// Which n-grams of a text a model leaves out, as KenLM's `lmplz` does it: by how often they occur, and by their words.
///
/// What is left out gives all of its count to shorter contexts. It has its part in the discounts, as if it were there.
public struct NGramPruning: Sendable, Equatable {
    /// For each order from 1 the count up to which n-grams are left out; the last holds for all orders above.
    public var thresholds: [Int]
    /// For each id whether n-grams may have it; nil for all ids.
    public var allowed: [Bool]?

    public static let none = NGramPruning()

    public init(thresholds: [Int] = [], allowed: [Bool]? = nil) {
        self.thresholds = thresholds
        self.allowed = allowed
    }

    /// Whether thresholds are at least 0 and never fall from an order to the next: else an n-gram could stay whose
    /// own end is left out.
    public var isValid: Bool {
        (thresholds.first ?? 0) >= 0 && zip(thresholds, thresholds.dropFirst()).allSatisfy(<=)
    }

    /// For each n-gram whether it stays; nil when all do.
    ///
    /// - Parameter kept: Ids that stay whatever they count.
    func stays(_ raw: NGramCounts, kept: [TokenID]) -> [[Bool]]? {
        guard thresholds.contains(where: { $0 > 0 }) || allowed?.contains(false) == true else {
            return nil
        }
        func threshold(_ level: Int) -> Int {
            thresholds.isEmpty ? 0 : thresholds[min(level, thresholds.count - 1)]
        }
        // What never occurs is in the vocabulary for another reason.
        var unigrams = raw.levels[0].counts.map { $0 == 0 || Int($0) > threshold(0) }
        if let allowed {
            for (id, isAllowed) in allowed.enumerated() where !isAllowed { unigrams[id] = false }
        }
        for id in kept { unigrams[Int(id)] = true }
        var stays = [unigrams]
        for level in 1..<max(1, raw.order) {
            let (tokens, counts) = (raw.levels[level].tokens, raw.levels[level].counts)
            let children = raw.levels[level - 1].children
            var these = [Bool](repeating: false, count: counts.count)
            for context in stays[level - 1].indices where stays[level - 1][context] {
                for index in Int(children[context])..<Int(children[context + 1]) {
                    these[index] =
                        Int(counts[index]) > threshold(level) && unigrams[Int(tokens[index])]
                }
            }
            stays.append(these)
        }
        return stays
    }
}

extension NGramModel {
    /// The model with only some of its n-grams; ids are numbered anew.
    ///
    /// - Precondition: with an n-gram stay the n-grams that it begins with and those that it ends with.
    func keeping(_ stays: [[Bool]]) -> NGramModel {
        /// For each n-gram, and for the end, how many stay before it.
        let places = stays.map { stays in
            var count: UInt32 = 0
            return stays.map { stays in
                defer { count += stays ? 1 : 0 }
                return count
            } + [UInt32(stays.count { $0 })]
        }
        let levels = levels.indices.map { level in
            let old = self.levels[level]
            func filtered<Value>(_ values: [Value]) -> [Value] {
                values.isEmpty ? [] : zip(values, stays[level]).lazy.filter(\.1).map(\.0)
            }
            var children = filtered(Array(old.children.dropLast()))
            if level + 1 < self.levels.count {
                children = children.map { places[level + 1][Int($0)] }
                children.append(places[level + 1].last ?? 0)
            }
            return Level(
                tokens: filtered(old.tokens).map { TokenID(places[0][Int($0)]) },
                logProbabilities: filtered(old.logProbabilities),
                backoffs: filtered(old.backoffs), children: children,
                suffixes: filtered(old.suffixes).map { places[level - 1][Int($0)] })
        }
        return NGramModel(
            levels: levels, vocabularySize: levels[0].tokens.count - (endToken == nil ? 0 : 1),
            endToken: endToken.map { TokenID(places[0][Int($0)]) })
    }
}
