import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

/// A moment of training on a model that is thrown away, to know what the work costs here.
struct SpeedTrial {
    let secondsPerStep: Double
    let tokensPerSecond: Double
    /// One look at validation text, and the one at the end.
    private let secondsPerEvaluation: Double
    let secondsAtEnd: Double
    private let secondsPerSave: Double

    /// Takes about `seconds`, but for large models at least two steps, and for short plans no more
    /// than a twentieth of them.
    init(
        config: TransformerConfig, plan: TrainingPlan, tokens: TrainingTokens,
        validation file: TokenFile,
        tokenizer: Tokenizer, seconds: Double
    ) throws {
        let model = try Transformer(config, from: ParameterSource(seed: plan.seed))
        let trainer = Trainer(model, tokens: tokens, plan: plan)
        _ = trainer.next()
        var times: [Double] = []
        let start = Machine.now()
        var last = start
        repeat {
            guard trainer.next() != nil else { break }
            let now = Machine.now()
            times.append(now - last)
            last = now
        } while last - start < seconds && times.count < plan.steps / 20
        // The mean, since a run has slow steps too; a plan of one step has been done by now.
        secondsPerStep = times.isEmpty ? 0.01 : times.reduce(0, +) / Double(times.count)
        tokensPerSecond = Double(plan.batchTokens) / secondsPerStep
        let validation = TrainingSession.validation(file, tokenizer)
        let before = Machine.now()
        if !validation.isEmpty {
            _ = Evaluation.evaluate(
                model, on: validation, convention: .rolling(context: plan.context),
                startToken: nil)
        }
        secondsPerEvaluation = Machine.now() - before
        let looked = validation.reduce(0) { $0 + $1.byteCounts.reduce(0, +) }
        let all = file.validationBytes
        secondsAtEnd =
            secondsPerEvaluation * Double(min(all, TrainingSession.finalValidationLimit))
            / Double(max(1, looked))
        // Weights and two moments, written at some 300 MB/s and hashed; a dozen syncs of the disk.
        secondsPerSave = 0.3 + Double(config.parameterCount) * 12 / 3e8
    }

    /// What `plan` takes, validations and checkpoints included.
    func seconds(of plan: TrainingPlan) -> Double {
        let looks = (plan.steps - 1) / plan.evaluationInterval + 1
        return Double(plan.steps) * secondsPerStep
            + Double(looks) * (secondsPerEvaluation + secondsPerSave) + secondsAtEnd
    }

    /// Steps that fit into `seconds`, with 20 validations and checkpoints on the way.
    func steps(in seconds: Double) -> Int {
        let left = seconds - 20 * (secondsPerEvaluation + secondsPerSave) - secondsAtEnd
        return max(1, Int(max(left, seconds / 2) / secondsPerStep))
    }
}
