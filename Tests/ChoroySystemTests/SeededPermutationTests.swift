import ChoroySystem
import Testing

@Suite struct `A seeded permutation` {
    @Test(arguments: [1, 2, 3, 4, 5, 15, 16, 17, 255, 1000, 4097])
    func `has every number once, for every seed`(count: Int) {
        for seed in 0..<20 as Range<UInt64> {
            let order = SeededPermutation(count, seed: seed)
            #expect((0..<count).map { order[$0] }.sorted() == Array(0..<count))
        }
    }

    @Test func `differs between seeds, and is the same for the same`() {
        let orders = (0..<50 as Range<UInt64>).map { seed in
            let order = SeededPermutation(1000, seed: seed)
            return (0..<1000).map { order[$0] }
        }
        #expect(Set(orders).count == 50)
        let again = SeededPermutation(1000, seed: 49)
        #expect((0..<1000).map { again[$0] } == orders[49])
    }

    @Test func `sends each number everywhere alike`() {
        // 4,000 seeds, 10 places: 400 each, and six standard deviations of 19.
        for count in [10, 4] {
            var counts = [Int](repeating: 0, count: count)
            for seed in 0..<UInt64(400 * count) {
                counts[SeededPermutation(count, seed: seed)[3]] += 1
            }
            #expect(counts.allSatisfy { (286...514).contains($0) }, "\(counts)")
        }
    }

    @Test func `serves counts that no memory holds`() {
        let order = SeededPermutation(1 << 50 + 1, seed: 3)
        let places = (0..<1000).map { order[$0] }
        #expect(Set(places).count == 1000 && places.allSatisfy { (0...1 << 50).contains($0) })
    }
}
