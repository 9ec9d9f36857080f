import ChoroySystem
import ChoroyText

/// How the n-grams of a model lie in memory or in a file: what a look-up needs of it.
///
/// Level k holds the n-grams of k + 1 tokens, numbered in the order of their ids; at level 0 the number is
/// the id. Whatever a file says, no number leads beyond the level it counts in.
///
/// It is plain numbers and pointers, so that a look-up counts no references: `NGramMemory` keeps the memory alive.
protocol NGramLevels: Sendable, BitwiseCopyable {
    /// How many levels there are.
    var order: Int { get }
    /// How many n-grams a level has.
    func count(_ level: Int) -> Int
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
    /// Scores tokens at several places at once. The arguments are those of `choroy_ngram_score`.
    func score(
        _ tokens: UnsafePointer<TokenID>, length: Int, start: UInt32, end: UInt32?,
        contexts: UnsafeMutablePointer<UInt32>, scores: UnsafeMutablePointer<Float>
    )
}

extension NGramLevels {
    /// For each level how many n-grams it has.
    var counts: [Int] { (0..<order).map { count($0) } }

    /// Checks that every n-gram continues exactly one other, and has a token that there is; a damaged file may
    /// say something else, and then only look-ups are safe.
    ///
    /// - Throws: `FileError` with the order.
    func check(for path: String, in workspace: Workspace) throws {
        let faults = LargeArray<UInt8>(count: order)
        for level in 0..<order {
            let tokens = UInt32(count(0))
            LevelParts.run(count(level), in: workspace) { part in
                var isSound = true
                for index in part {
                    let own = token(level, index)
                    isSound = isSound && (level == 0 ? Int(own) == index : own < tokens)
                    if level + 1 == order { continue }
                    let next = children(level, index)
                    let before = index == 0 ? 0 : children(level, index - 1).upperBound
                    isSound = isSound && next.lowerBound == before
                    if index + 1 == count(level) {
                        isSound = isSound && next.upperBound == count(level + 1)
                    }
                }
                // Every thread that writes writes the same.
                if !isSound { unsafe faults.pointer[level] = 1 }
            }
            if unsafe faults.pointer[level] != 0 {
                throw FileError(
                    path, expected: "a sound model to write",
                    found: "damaged n-grams of order \(level + 1)")
            }
        }
    }
}

/// What the pointers of a model's levels point into.
final class NGramMemory: Sendable {
    private let owners: [any AnyObject & Sendable]
    /// What to relieve while the model is gone through.
    let workspace: Workspace

    init(_ owners: [any AnyObject & Sendable], _ workspace: Workspace = .unlimited) {
        self.owners = owners
        self.workspace = workspace
    }
}
