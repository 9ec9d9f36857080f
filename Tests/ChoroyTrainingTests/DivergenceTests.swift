import ChoroyText
import ChoroyTraining
import Testing

@Suite struct `A run that diverges` {
    /// What is found in a run of these losses, by step.
    static func findings(
        _ losses: [Double], warmupSteps: Int = 10, countedLoss: Double? = 5
    ) -> [Int: Divergence.Finding] {
        var watch = Divergence(warmupSteps: warmupSteps, countedLoss: countedLoss)
        var findings: [Int: Divergence.Finding] = [:]
        for (index, loss) in losses.enumerated() {
            findings[index + 1] = watch.finding(step: index + 1, loss: loss)
        }
        return findings
    }

    @Test func `a run that learns has none, with spikes and overfitting too`() {
        var losses = (0..<2000).map { 1 + 5 / (1 + Double($0) / 30) }
        for step in stride(from: 100, to: 2000, by: 170) { losses[step] *= 4 }
        #expect(Self.findings(losses).isEmpty)
    }

    @Test func `a run that stays at the counts is found once, soon after the warm-up`() throws {
        let losses = [6.2, 8, 11] + [Double](repeating: 5.2, count: 600)
        let findings = Self.findings(losses)
        #expect(Array(findings.keys) == [110])
        guard case .learnsNothing(let loss, 5) = try #require(findings[110]) else {
            Issue.record("\(findings)")
            return
        }
        #expect(abs(loss - 5.2) < 0.1)
        #expect(Self.findings(losses, countedLoss: nil).isEmpty)
    }

    @Test func `a run that leaves its best is found, and again after a new best`() {
        func run(_ values: [Double], _ steps: Int) -> [Double] {
            values.flatMap { [Double](repeating: $0, count: steps) }
        }
        let losses = run([4, 3, 2, 5, 1.5, 4], 200)
        let findings = Self.findings(losses)
        #expect(findings.count == 2)
        for (step, finding) in findings {
            guard case .left(let loss, let best, let bestStep) = finding else {
                Issue.record("\(finding)")
                continue
            }
            #expect(loss > 1.2 * best + 0.3 && bestStep < step - 100)
            #expect(step < 800 ? bestStep <= 600 : bestStep <= 1000)
        }
    }

    @Test func `the loss of counts is their entropy`() {
        // Half, a quarter, and two eighths: 1.75 bits.
        let tokens: [TokenID] = (0..<64).flatMap { _ -> [TokenID] in [0, 1, 0, 2, 0, 1, 0, 3] }
        #expect(abs(TrainingTokens(tokens).countedLoss - 1.75 * 0.693147180559945) < 1e-12)
        #expect(TrainingTokens([]).countedLoss == 0)
        let long = TrainingTokens([TokenID](repeating: 7, count: (1 << 20) + 5))
        #expect(long.countedLoss == 0)
    }
}
