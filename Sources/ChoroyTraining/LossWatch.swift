/// Notices steps whose loss leaps out of what the steps before it make likely.
public struct LossWatch: Sendable {
    private var mean = 0.0
    private var variance = 0.0
    private var count = 0
    /// Steps that leapt.
    public private(set) var spikes = 0

    public init() {}

    /// The loss that was to be expected, when `loss` is a spike: above the running mean by six standard
    /// deviations and a tenth of the mean. The first fifty steps fall too fast to be judged.
    public mutating func expected(insteadOf loss: Double) -> Double? {
        guard loss.isFinite else { return nil }
        let isSpike =
            count >= 50 && loss > mean + 6 * variance.squareRoot() && loss > 1.1 * mean
        let before = mean
        count += 1
        // Weighs all alike at first, the last fifty or so later on.
        let share = max(0.02, 1 / Double(count))
        // One leap must not hide the next: it counts for as much as it takes to be one.
        let value = isSpike ? mean + 6 * variance.squareRoot() : loss
        let change = value - mean
        mean += share * change
        variance = (1 - share) * (variance + share * change * change)
        guard isSpike else { return nil }
        spikes += 1
        return before
    }
}
