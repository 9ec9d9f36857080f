import ChoroyTraining
import Testing

@Suite struct `End of time` {
    @Test func `steps that take longer than planned bring the end nearer`() {
        // 100 seconds were thought to be enough for 100 steps.
        var time = EndOfTime(seconds: 100, step: 0, elapsed: 0)
        #expect(time.end(at: 10, elapsed: 20, present: 100) == 50)
        // As foretold: two seconds a step.
        #expect(time.end(at: 20, elapsed: 40, present: 50) == nil)
        // A slow window counts half: three seconds a step, 20 steps in the 40 that are left... 13.
        #expect(time.end(at: 25, elapsed: 60, present: 50) == 38)
    }

    @Test func `the end is at least one step away`() {
        var time = EndOfTime(seconds: 10, step: 0, elapsed: 0)
        #expect(time.end(at: 5, elapsed: 50, present: 100) == 6)
        #expect(time.end(at: 6, elapsed: 60, present: 6) == nil)
    }

    @Test func `a resumed run has what is left of its time`() {
        var time = EndOfTime(seconds: 100, step: 40, elapsed: 60)
        #expect(time.end(at: 50, elapsed: 70, present: 100) == 80)
    }

    /// Whatever the speed of each window, the run is over within a window's error of its time.
    @Test(arguments: [0.3, 1, 1.7, 4])
    func `a run of changing speed ends on time`(factor: Double) {
        var (steps, step, elapsed) = (1000, 0, 0.0)
        var time = EndOfTime(seconds: 1000, step: 0, elapsed: 0)
        while step < steps {
            step += 1
            elapsed += factor * (step % 200 < 100 ? 1.1 : 0.9)
            if step % 25 == 0 {
                steps = time.end(at: step, elapsed: elapsed, present: steps) ?? steps
            }
        }
        #expect(abs(elapsed - 1000) <= 50, "\(elapsed)")
    }
}
