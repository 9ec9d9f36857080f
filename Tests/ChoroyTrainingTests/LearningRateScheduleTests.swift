import ChoroyTraining
import Testing

@Suite struct `Learning rate schedule` {
    @Test func `the worked example`() {
        let schedule = LearningRateSchedule(peak: 0.001, warmupSteps: 4, steps: 12)
        let expected = [
            0.00025, 0.0005, 0.00075, 0.001,
            // 0.1 + 0.9 · (1 + cos(π · n / 8)) / 2 for n = 0 … 7, times the peak.
            0.001, 0.000_965_745, 0.000_868_198, 0.000_722_208,
            0.00055, 0.000_377_792, 0.000_231_802, 0.000_134_255,
            // After the end.
            0.0001, 0.0001,
        ]
        for (step, rate) in expected.enumerated() {
            #expect(abs(schedule.rate(at: step) - rate) < 1e-9, "step \(step)")
        }
    }

    @Test func `a stable rate falls in a line at the end`() {
        let schedule = LearningRateSchedule(
            peak: 8, warmupSteps: 2, steps: 10, shape: .wsd, finalShare: 0, decayShare: 0.4)
        #expect((0...11).map(schedule.rate) == [4, 8, 8, 8, 8, 8, 8, 6, 4, 2, 0, 0])
        let constant = LearningRateSchedule(peak: 8, warmupSteps: 2, steps: 4, shape: .constant)
        #expect((0...5).map(constant.rate) == [4, 8, 8, 8, 8, 8])
    }

    @Test func `until a stable rate falls, the end may be moved`() {
        func rates(_ steps: Int) -> [Double] {
            let schedule = LearningRateSchedule(
                peak: 1, warmupSteps: 5, steps: steps, shape: .wsd, decayShare: 0.5)
            return (0..<50).map(schedule.rate)
        }
        #expect(rates(100) == rates(120))
    }

    @Test func `without a warm-up it begins at the peak`() {
        let schedule = LearningRateSchedule(peak: 3, warmupSteps: 0, steps: 2, finalShare: 0)
        #expect(schedule.rate(at: 0) == 3)
        #expect(abs(schedule.rate(at: 1) - 1.5) < 1e-12)
        #expect(abs(schedule.rate(at: 2)) < 1e-12)
    }

    @Test(arguments: [(0, 1), (1, 1), (5, 3), (100, 100), (0, 1 << 40)])
    func `a rate is always positive and at most the peak`(warmup: Int, steps: Int) {
        let schedule = LearningRateSchedule(peak: 0.5, warmupSteps: warmup, steps: steps)
        for step in [0, 1, 2, warmup, steps - 1, steps, 1 << 50] {
            #expect(schedule.rate(at: step) > 0 && schedule.rate(at: step) <= 0.5)
        }
    }
}
