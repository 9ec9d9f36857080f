import ChoroyText
import ChoroyTraining
import Testing

@Suite struct `Pretraining batches` {
    /// Tokens that tell their place.
    static func places(_ count: Int) -> [TokenID] { (0..<TokenID(count)).map { $0 } }

    static func batches(_ count: Int, context: Int, batchSize: Int = 1, seed: UInt64 = 7)
        -> PretrainingBatches
    {
        PretrainingBatches(places(count), context: context, batchSize: batchSize, seed: seed)
    }

    @Test func `a sequence is scored on the tokens that follow its own`() {
        var batches = Self.batches(1000, context: 8, batchSize: 3)
        let (inputs, targets) = batches.batch(5)
        #expect(inputs.count == 24 && targets.count == 24)
        #expect(targets == inputs.map { $0 + 1 })
        for row in 0..<3 {
            let first = inputs[row * 8]
            #expect(Array(inputs[row * 8..<row * 8 + 8]) == Array(first..<first + 8))
        }
    }

    @Test(arguments: [2, 9, 16, 17, 18, 24, 25, 33, 40, 41, 500, 1001])
    func `an epoch visits each piece once, and nothing beyond the text`(count: Int) {
        for context in [1, 3, 8] where count > context {
            var batches = Self.batches(count, context: context)
            let pieces = batches.piecesPerEpoch
            #expect(pieces >= 1 && pieces * context < count)
            // At most two contexts of the text are left out of an epoch.
            #expect(pieces == 1 || count - pieces * context <= 3 * context)
            for epoch in 0..<20 {
                let starts = (0..<pieces).map { piece in
                    let (inputs, targets) = batches.batch(epoch * pieces + piece)
                    #expect(inputs.count == context && targets.last == inputs.last.map { $0 + 1 })
                    return Int(inputs[0])
                }.sorted()
                #expect(starts[0] <= context)
                #expect(starts == (0..<pieces).map { starts[0] + $0 * context })
            }
        }
    }

    @Test(arguments: [1, 2, 5, 16, 128])
    func `a text just above one context is enough`(context: Int) {
        for count in context + 1...3 * context + 2 {
            var batches = Self.batches(count, context: context, batchSize: 3)
            for step in 0..<30 {
                let (inputs, targets) = batches.batch(step)
                #expect(inputs.count == 3 * context && targets == inputs.map { $0 + 1 })
            }
        }
    }

    @Test func `a text of one context is the caller's mistake`() async {
        await #expect(processExitsWith: .failure) {
            _ = PretrainingBatches([1, 2, 3], context: 3, batchSize: 1, seed: 1)
        }
    }

    @Test func `a batch depends on tokens, seed and its number only`() {
        var forwards = Self.batches(1000, context: 8, batchSize: 5)
        let expected = (0..<100).map { forwards.batch($0).inputs }
        var backwards = Self.batches(1000, context: 8, batchSize: 5)
        for step in (0..<100).reversed() { #expect(backwards.batch(step).inputs == expected[step]) }
        for step in [0, 24, 25, 99] {
            var alone = Self.batches(1000, context: 8, batchSize: 5)
            #expect(alone.batch(step).inputs == expected[step])
        }
        var other = Self.batches(1000, context: 8, batchSize: 5, seed: 8)
        #expect(other.batch(0).inputs != expected[0])
    }

    @Test func `two epochs differ in order and in offset`() {
        var batches = Self.batches(1000, context: 8)
        let pieces = batches.piecesPerEpoch
        let epochs = (0..<20).map { epoch in
            (0..<pieces).map { Int(batches.batch(epoch * pieces + $0).inputs[0]) }
        }
        for epoch in 1..<20 { #expect(epochs[epoch] != epochs[epoch - 1]) }
        #expect(Set(epochs.map { $0.min() }).count > 4)
        // Offsets aside, the orders differ too.
        let orders = epochs.map { epoch in epoch.map { ($0 - (epoch.min() ?? 0)) / 8 } }
        #expect(Set(orders).count == 20)
    }
}
