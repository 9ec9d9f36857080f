import ChoroySystem
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
    /// - Parameters:
    ///   - trie: n-grams with how often they occur.
    ///   - kept: Ids that stay whatever they count.
    func stays(_ trie: NGramTrie, kept: [TokenID]) -> [LargeArray<Bool>]? {
        guard thresholds.contains(where: { $0 > 0 }) || allowed?.contains(false) == true else {
            return nil
        }
        func threshold(_ level: Int) -> Int {
            thresholds.isEmpty ? 0 : thresholds[min(level, thresholds.count - 1)]
        }
        // What never occurs is in the vocabulary for another reason.
        var unigrams = (0..<trie.counts[0]).map { id in
            let count = Int(trie.rows[0].first[id])
            return count == 0 || count > threshold(0)
        }
        if let allowed {
            for (id, isAllowed) in allowed.enumerated() where !isAllowed { unigrams[id] = false }
        }
        for id in kept { unigrams[Int(id)] = true }
        var stays = [LargeArray(unigrams)]
        for level in 1..<max(1, trie.order) {
            let rows = trie.rows[level]
            let least = threshold(level)
            let these = LargeArray<Bool>(count: rows.count, in: trie.workspace)
            let contexts = stays[level - 1]
            LevelParts.inOrder(contexts.count, in: trie.workspace) { part in
                for context in part where unsafe contexts.pointer[context] {
                    for index in trie.rows[level - 1].children(context) {
                        if index & 0xFFFF == 0 { trie.workspace.relieve() }
                        unsafe these.pointer[index] =
                            Int(rows.first[index]) > least && unigrams[Int(rows.token(index))]
                    }
                }
            }
            stays.append(these)
        }
        return stays
    }
}

extension NGramTrie {
    /// The trie with only some of its n-grams; ids are numbered anew.
    ///
    /// - Precondition: with an n-gram stay the n-grams that it begins with.
    func keeping(_ stays: [LargeArray<Bool>]) -> NGramTrie {
        let kept = NGramTrie(
            counts: stays.map { stays in
                var count = 0
                LevelParts.inOrder(stays.count, in: workspace) { part in
                    for index in part { count += unsafe stays.pointer[index] ? 1 : 0 }
                }
                return count
            }, in: workspace)
        var ids: [UInt32] = []
        var count: UInt32 = 0
        for isKept in unsafe Array(stays[0].elements) {
            ids.append(count)
            count += isKept ? 1 : 0
        }
        for level in 0..<order {
            let (old, new) = (rows[level], kept.rows[level])
            var place = 0
            // How many children stay up to a place one level up.
            var (above, children) = (0, 0)
            LevelParts.inOrder(old.count, in: workspace) { part in
                for index in part where unsafe stays[level].pointer[index] {
                    let row = unsafe new.pointer + place * new.width
                    unsafe row[0] = ids[Int(old.token(index))]
                    unsafe row[1] = old.first[index]
                    if level + 1 < order {
                        unsafe row[2] = old.second[index]
                        while above < old.firstChild(index) {
                            children += unsafe stays[level + 1].pointer[above] ? 1 : 0
                            above += 1
                        }
                        unsafe row[3] = UInt32(children)
                    }
                    place += 1
                }
            }
        }
        kept.closeChildren()
        return kept
    }
}
