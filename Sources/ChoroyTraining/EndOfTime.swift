/// When a run of so many seconds ends: the step, from what its steps have taken so far.
///
/// A plan's number of steps comes from a short trial; here, at each validation, the steps since the
/// last one tell better. The new end is recorded in the plan, so that a resumed run makes the same
/// steps at the same rates.
public struct EndOfTime: Sendable {
    /// Seconds that all steps, validations and checkpoints may take.
    public let seconds: Double
    private var last: (step: Int, seconds: Double)
    /// Seconds of a step, recent ones counting more; nil before the first window.
    private var secondsPerStep: Double?

    /// At step `step`, after `elapsed` seconds.
    public init(seconds: Double, step: Int, elapsed: Double) {
        self.seconds = seconds
        last = (step, elapsed)
    }

    /// The step to end with, at a validation at `step` after `elapsed` seconds; nil when the present
    /// `end` is right within one step in a hundred of what is left, and three steps.
    public mutating func end(at step: Int, elapsed: Double, present end: Int) -> Int? {
        guard step > last.step, elapsed > last.seconds else { return nil }
        let recent = (elapsed - last.seconds) / Double(step - last.step)
        last = (step, elapsed)
        let mean = secondsPerStep.map { 0.5 * $0 + 0.5 * recent } ?? recent
        secondsPerStep = mean
        let left = max(1, min(1e12, ((seconds - elapsed) / mean).rounded(.down)))
        let moved = step + Int(left)
        let tolerance = 3 + (end - step) / 100
        return end > step && abs(moved - end) > tolerance ? moved : nil
    }
}
