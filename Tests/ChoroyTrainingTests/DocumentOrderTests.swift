import ChoroySystem
import ChoroyText
import ChoroyTraining
import Testing

@Suite struct `The order of documents` {
    /// Documents of 8 to 23 tokens that tell their document and their place in it.
    static func documents(_ count: Int, from first: Int = 0) -> [[TokenID]] {
        (first..<first + count).map { document in
            let length: Int = size(document)
            return (0..<length).map { TokenID(document * 100 + $0) }
        }
    }

    static func size(_ document: Int) -> Int { 8 + document * 7 % 16 }

    /// How often each token is read in `epochs` epochs.
    static func counts(_ batches: inout PretrainingBatches, epochs: Int) -> [TokenID: Int] {
        var counts: [TokenID: Int] = [:]
        for piece in 0..<epochs * batches.piecesPerEpoch {
            for token in batches.batch(piece).inputs { counts[token, default: 0] += 1 }
        }
        return counts
    }

    @Test(arguments: [1, 2, 40, 9000])
    func `each token is read at most once in an epoch, and few are not`(count: Int) {
        let tokens = TrainingTokens(documents: Self.documents(count))
        var batches = PretrainingBatches(tokens, context: 4, batchSize: 1, seed: 3)
        for epoch in 0..<2 {
            var counts: [TokenID: Int] = [:]
            for piece in 0..<batches.piecesPerEpoch {
                let (inputs, _) = batches.batch(epoch * batches.piecesPerEpoch + piece)
                for token in inputs { counts[token, default: 0] += 1 }
            }
            #expect(counts.values.allSatisfy { $0 == 1 })
            // At most three contexts of each group of 65,536 tokens.
            #expect(tokens.count - counts.count <= 12 * (1 + tokens.count >> 16))
        }
    }

    @Test func `documents stay whole and in one piece, but their neighbours change`() {
        let tokens = TrainingTokens(documents: Self.documents(50))
        var batches = PretrainingBatches(tokens, context: 16, batchSize: 1, seed: 3)
        var followers: [Set<Int>] = [[], []]
        for epoch in 0..<2 {
            for piece in 0..<batches.piecesPerEpoch {
                let (inputs, targets) = batches.batch(epoch * batches.piecesPerEpoch + piece)
                for (input, target) in zip(inputs, targets) where target != input + 1 {
                    // A document ends here, and another begins.
                    let (last, next) = (Int(input / 100), Int(target / 100))
                    #expect(Int(input) % 100 == Self.size(last) - 1 && target % 100 == 0)
                    followers[epoch].insert(last * 100 + next)
                }
            }
        }
        #expect(followers[0].count > 30 && followers[1].count > 30)
        #expect(followers[0].intersection(followers[1]).count < 10)
    }

    @Test(arguments: [0.25, 0.5, 1.5, 2, 3])
    func `a weight tells how often documents are read`(weight: Double) {
        let (first, second) = (Self.documents(200), Self.documents(100, from: 200))
        let tokens = TrainingTokens(
            documents: first + second,
            weights: [Double](repeating: 1, count: 200) + [Double](repeating: weight, count: 100))
        #expect(tokens.pools.count == 2 || weight == 1)
        var batches = PretrainingBatches(tokens, context: 8, batchSize: 1, seed: 5)
        let counts = Self.counts(&batches, epochs: 4)
        for (token, count) in counts {
            let exact = token < 20_000 ? 4 : 4 * weight
            // The pieces of a pass are rounded, and the ends of passes move with their offsets.
            #expect(abs(Double(count) - exact) <= 4, "\(token): \(count)")
        }
        let read = counts.filter { $0.key >= 20_000 }.values.reduce(0, +)
        let all = second.reduce(0) { $0 + $1.count }
        #expect(abs(Double(read) - 4 * weight * Double(all)) < 0.05 * 4 * weight * Double(all))
    }

    @Test func `a batch of several pools is a function of its number alone`() {
        let documents = Self.documents(300)
        let weights = documents.indices.map { $0 < 100 ? 0.5 : 2 }
        let tokens = TrainingTokens(documents: documents, weights: weights)
        func batches() -> PretrainingBatches {
            PretrainingBatches(tokens, context: 8, batchSize: 3, seed: 5)
        }
        var forwards = batches()
        let expected = (0..<400).map { forwards.batch($0).inputs }
        for step in [399, 0, 211, 17] {
            var alone = batches()
            #expect(alone.batch(step).inputs == expected[step])
        }
        #expect(Set(expected).count == 400)
    }
}
