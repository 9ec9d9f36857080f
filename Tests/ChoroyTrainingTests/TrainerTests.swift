import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining
import Testing

@Suite(.serialized) struct `A trainer` {
    /// Weights after the plan, and the loss of each step, as bits.
    static func outcome(_ trainer: Trainer) -> (weights: [[UInt32]], losses: [UInt64]) {
        let losses = trainer.map(\.loss.bitPattern)
        let weights = trainer.model.parameters.map { $0.value.values.map(\.bitPattern) }
        return (weights, losses)
    }

    /// Wide enough that every operation is shared among threads.
    static func wideRun(
        _ optimizer: Optimizer.Method = .adamw, lanes: Int = 1
    ) throws -> TinyRun {
        var run = try TinyRun()
        run.record.config = TransformerConfig(
            vocabSize: 264, hiddenSize: 96, numHiddenLayers: 2, numAttentionHeads: 3,
            numKeyValueHeads: 1, maxPositionEmbeddings: 64)
        run.record.plan = TrainingPlan(
            steps: 6, context: 64, batchSize: 7, microBatchSize: lanes == 1 ? 4 : 1, lanes: lanes,
            dropout: 0.1,
            optimizer: Optimizer.Settings(optimizer))
        return run
    }

    @Test(arguments: Optimizer.Method.allCases, [1, 2, 4])
    func `any number of threads gives the same bytes, and so does a second time`(
        _ optimizer: Optimizer.Method, _ lanes: Int
    ) throws {
        let pool = ThreadPool.shared
        let before = pool.threadCount
        defer { pool.setThreadCount(before) }
        let run = try Self.wideRun(optimizer, lanes: lanes)
        pool.setThreadCount(1)
        let expected = Self.outcome(try run.trainer())
        #expect(expected.losses.count == 6)
        for count in [1, 2, 3, 4, 8] {
            pool.setThreadCount(count)
            let outcome = Self.outcome(try run.trainer())
            #expect(outcome.losses == expected.losses, "\(count) threads")
            #expect(outcome.weights == expected.weights, "\(count) threads")
        }
        var other = run
        other.record.plan.seed = 2
        #expect(Self.outcome(try other.trainer()).weights != expected.weights)
    }

    @Test func `activations computed again give the same bytes as those that were kept`() throws {
        var run = try Self.wideRun()
        let kept = Self.outcome(try run.trainer())
        run.record.plan.checkpointActivations = true
        let again = Self.outcome(try run.trainer())
        #expect(again.losses == kept.losses)
        #expect(again.weights == kept.weights)
    }

    @Test func `sequences in smaller groups give nearly the same steps`() throws {
        func losses(_ microBatchSize: Int) throws -> [Double] {
            try TinyRun(dropout: 0, microBatchSize: microBatchSize, batchSize: 6).trainer()
                .map(\.loss)
        }
        let whole = try losses(6)
        // 1e-4: the order of float additions differs, and AdamW magnifies that in twelve steps.
        for size in [1, 2, 4, 5, 100] {
            for (a, b) in zip(try losses(size), whole) { #expect(abs(a - b) < 1e-4 * b) }
        }
        #expect(try losses(100) == whole)
    }

    @Test func `lanes give nearly the same steps, also when some have nothing to do`() throws {
        func losses(_ lanes: Int) throws -> [Double] {
            try TinyRun(dropout: 0, microBatchSize: 2, batchSize: 6, lanes: lanes).trainer()
                .map(\.loss)
        }
        let whole = try losses(1)
        for lanes in [2, 3, 5, 6] {
            for (a, b) in zip(try losses(lanes), whole) { #expect(abs(a - b) < 1e-4 * b) }
        }
    }

    @Test func `a report tells the step, the tokens and the rate`() throws {
        let run = try TinyRun(steps: 5)
        let trainer = try run.trainer()
        let reports = Array(trainer)
        #expect(reports.map(\.step) == [1, 2, 3, 4, 5])
        #expect(reports.map(\.tokens) == [48, 96, 144, 192, 240])
        #expect(reports.map(\.learningRate) == (0..<5).map(run.record.plan.schedule.rate))
        #expect(reports.allSatisfy { $0.isFinite && $0.gradientNorm > 0 })
        // Untrained, a model is about as good as chance: ln 264 = 5.576.
        #expect(abs(reports[0].loss - 5.576) < 0.1)
        #expect(trainer.next() == nil && trainer.step == 5)
    }

    @Test(arguments: Optimizer.Method.allCases)
    func `a repeating text is learnt`(_ optimizer: Optimizer.Method) throws {
        let run = try TinyRun(
            steps: 150, dropout: 0, batchSize: 8, learningRate: 0.02, optimizer: optimizer)
        let losses = try run.trainer().map(\.loss)
        // Two digits of each line of fifteen characters cannot be known: at most 0.25 nats.
        #expect(losses.suffix(10).reduce(0, +) / 10 < 0.6, "\(losses.suffix(10))")
    }

    @Test func `a step that is not finite changes nothing`() throws {
        let run = try TinyRun(steps: 3)
        let poisoned = try Transformer(
            run.record.config,
            from: ParameterSource { name, shape in
                let count = shape.reduce(1, *)
                return Tensor([Float](repeating: .nan, count: count), shape: shape)
            })
        let trainer = Trainer(poisoned, tokens: run.tokens, plan: run.record.plan)
        let reports = Array(trainer)
        #expect(reports.map(\.isFinite) == [false, false, false])
        #expect(trainer.nonFiniteSteps == 3)
        #expect(trainer.model.parameters.allSatisfy { $0.version == 0 })
    }
}
