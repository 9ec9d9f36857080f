import ChoroyModel
import ChoroySystem
import Testing

@Suite struct `Suffix sorting` {
    /// The same by comparing suffixes.
    private func naive<Token: Comparable>(_ text: [Token]) -> [Int32] {
        text.indices.sorted { text[$0...].lexicographicallyPrecedes(text[$1...]) }.map { Int32($0) }
    }

    @Test func `banana`() {
        let text = "banana".utf8.map { UInt16($0) }
        // a, ana, anana, banana, na, nana
        #expect(SuffixSorting.suffixes(of: text, alphabet: 128) == [5, 3, 1, 0, 4, 2])
    }

    @Test func `short texts of few letters are in order`() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<3000 {
            let count = Int.random(in: 0...40, using: &random)
            let letters = UInt16.random(in: 1...5, using: &random)
            let text = (0..<count).map { _ in UInt16.random(in: 0..<letters, using: &random) }
            #expect(SuffixSorting.suffixes(of: text, alphabet: 5) == naive(text), "\(text)")
        }
    }

    @Test(arguments: [
        [Int](repeating: 3, count: 2000), (0..<2000).map { $0 % 2 }, (0..<2000).map { $0 % 7 },
        (0..<2000).map { $0 }, (0..<2000).map { 1999 - $0 }, (0..<2000).map { ($0 * $0) % 11 },
        (0..<2048).map { $0.nonzeroBitCount % 2 }, (0..<2000).map { $0 < 1000 ? 0 : 1 },
    ])
    func `texts that repeat themselves are in order`(_ numbers: [Int]) {
        let text = numbers.map { Int32($0) }
        #expect(SuffixSorting.suffixes(of: text, alphabet: 2000) == naive(text))
    }

    @Test func `a Fibonacci word of names within names is in order`() {
        var (a, b): ([UInt16], [UInt16]) = ([0], [1])
        while b.count < 5000 { (a, b) = (b, b + a) }
        let suffixes = SuffixSorting.suffixes(of: b, alphabet: 2)
        #expect(Set(suffixes).count == b.count)
        for (x, y) in zip(suffixes, suffixes.dropFirst()) {
            #expect(b[Int(x)...].lexicographicallyPrecedes(b[Int(y)...]))
        }
    }

    @Test func `text longer than the scans look ahead is in order`() {
        var random = SeededRandom(seed: 2)
        for letters in [2, 50, 40_000] as [Int32] {
            let text = (0..<30_000).map { _ in Int32.random(in: 0..<letters, using: &random) }
            #expect(SuffixSorting.suffixes(of: text, alphabet: Int(letters)) == naive(text))
        }
    }
}
