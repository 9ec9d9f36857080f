import ChoroyText

/// How the n-grams of a model lie in memory or in a file: what a look-up needs of it.
///
/// Level k holds the n-grams of k + 1 tokens, numbered in the order of their ids; at level 0 the number is
/// the id. Whatever a file says, no number leads beyond the level it counts in.
protocol NGramLevels: Sendable {
    /// For each level how many n-grams it has.
    var counts: [Int] { get }
    /// The places, one level up, of the n-grams that continue this one.
    func children(_ level: Int, _ index: Int) -> Range<Int>
    /// The last token.
    func token(_ level: Int, _ index: Int) -> UInt32
    /// In base 10.
    func logProbability(_ level: Int, _ index: Int) -> Float
    /// In base 10; at the highest level there is none.
    func backoff(_ level: Int, _ index: Int) -> Float
    /// The place, one level up, of the n-gram that continues this one with `token`; -1 for none.
    func find(_ token: UInt32, _ level: Int, _ index: Int) -> Int
}

extension NGramLevels {
    var order: Int { counts.count }
}
