public import ArgumentParser
public import ChoroyTraining

/// How a run learns: the optimizer, its numbers, and the schedule of the learning rate.
struct LearningOptions: ParsableArguments {
    @Option(
        name: .customLong("optimizer"),
        help: "adamw (the default), or muon: Muon for the layers' matrices.")
    var optimizerName: Optimizer.Method?
    @Option(
        help:
            "The rate after the warm-up: constant, cosine or wsd (stable, then a line down; the default)."
    )
    var schedule: LearningRateSchedule.Shape?
    @Option(
        help:
            "The rate at the end as a share of the peak (default 0, of cosine 0.1).")
    var finalShare: Double?
    @Option(help: "Share of the steps in which wsd falls (default 0.5).") var decayShare: Double?
    @Option(help: "Steps of the warm-up.") var warmupSteps: Int?
    @Option(help: "Share of a matrix that goes at each step, times the rate.")
    var weightDecay: Float?

    var shape: LearningRateSchedule.Shape { schedule ?? .wsd }

    var optimizer: Optimizer.Settings {
        var adamw = AdamW.Settings()
        if let weightDecay { adamw.weightDecay = weightDecay }
        return Optimizer.Settings(optimizerName ?? .adamw, adamw: adamw)
    }

    /// The options that give the plan's again.
    static func words(_ plan: TrainingPlan) -> String {
        "--optimizer \(plan.optimizer.method.rawValue) --schedule \(plan.scheduleShape.rawValue) "
            + "--final-share \(plan.finalShare) --decay-share \(plan.decayShare) "
            + "--warmup-steps \(plan.warmupSteps) "
            + "--weight-decay \(plan.optimizer.adamw.weightDecay)"
    }
}

extension Optimizer.Method: ExpressibleByArgument {}
extension LearningRateSchedule.Shape: ExpressibleByArgument {}
