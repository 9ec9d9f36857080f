import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

/// A few seconds of training on a model that is thrown away, to know what a step costs here.
struct SpeedTrial {
    let secondsPerStep: Double
    let secondsPerEvaluation: Double
    let tokensPerSecond: Double

    init(
        config: TransformerConfig, plan: TrainingPlan, tokens: [TokenID],
        validation: [EvaluationText]
    ) throws {
        let model = try Transformer(config, from: ParameterSource(seed: plan.seed))
        let trainer = Trainer(model, tokens: tokens, plan: plan)
        for _ in 0..<2 { _ = trainer.next() }
        var times: [Double] = []
        let start = Machine.now()
        while Machine.now() - start < 2 || times.count < 3 {
            let before = Machine.now()
            guard trainer.next() != nil else { break }
            times.append(Machine.now() - before)
        }
        times.sort()
        let step = times.isEmpty ? 1 : times[times.count / 2]
        secondsPerStep = step
        tokensPerSecond = Double(plan.batchTokens) / step
        let before = Machine.now()
        if !validation.isEmpty {
            _ = Evaluation.evaluate(
                model, on: validation, convention: .rolling(context: plan.context),
                startToken: nil)
        }
        secondsPerEvaluation = Machine.now() - before
    }

    /// Steps that fit into `seconds`, with 20 validations and checkpoints on the way.
    func steps(in seconds: Double, parameters: Int) -> Int {
        // Weights and two moments, written at some 300 MB/s and hashed.
        let save = 0.03 + Double(parameters) * 12 / 3e8
        let left = seconds - 20 * (secondsPerEvaluation + save) - 2 * secondsPerEvaluation
        return max(1, Int(max(left, seconds / 2) / secondsPerStep))
    }
}
