import ChoroyModel
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `Shannon's bounds` {
    private static func bounds(_ counts: [Int]) -> (lower: Double, upper: Double)? {
        var ranks = GuessRanks(symbols: counts.count)
        for (index, count) in counts.enumerated() {
            for _ in 0..<count { ranks.add(guesses: index + 1) }
        }
        return ranks.bounds
    }

    /// q = 1/2, 1/4, 1/4: lower 1·1/4·0 + 2·0·1 + 3·1/4·log2 3, upper 1.5.
    @Test func `a worked example of equation 17`() throws {
        let bounds = try #require(Self.bounds([2, 1, 1, 0]))
        #expect(abs(bounds.lower - 0.75 * log2(3)) < 1e-12)
        #expect(abs(bounds.upper - 1.5) < 1e-12)
    }

    @Test func `are 0 for who knows and log2 of all for who does not`() throws {
        let sure = try #require(Self.bounds([9] + [Int](repeating: 0, count: 26)))
        #expect(sure.lower == 0 && sure.upper == 0)
        let blind = try #require(Self.bounds([Int](repeating: 3, count: 27)))
        #expect(abs(blind.lower - log2(27)) < 1e-12 && abs(blind.upper - log2(27)) < 1e-12)
        #expect(Self.bounds([0, 0]) == nil)
    }
}
