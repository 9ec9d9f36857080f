import ChoroyModel
import ChoroySystem
import ChoroyTraining
import Testing

@Suite struct `Training plan` {
    static let plan = TrainingPlan(
        steps: 1234, context: 48, batchSize: 7, microBatchSize: 3, lanes: 2, learningRate: 0.0012,
        warmupSteps: 5, dropout: 0.15, seed: .max, evaluationInterval: 11,
        optimizer: Optimizer.Settings(
            .muon,
            adamw: AdamW.Settings(
                beta1: 0.85, beta2: 0.97, epsilon: 1e-9, weightDecay: 0.05, clipNorm: 0.7),
            momentum: 0.9), scheduleShape: .wsd, finalShare: 0.05, decayShare: 0.3)

    /// The plan's file with the member `key` replaced, or removed when `value` is nil.
    static func json(_ key: String, _ value: JSONValue?) -> JSONValue {
        let members = plan.json.object?.members ?? []
        return .object(
            JSONObject(
                members.compactMap { member in
                    member.key == key ? value.map { (key, $0) } : member
                }))
    }

    @Test func `its file gives it back, in figures that people write`() throws {
        let text = JSONWriter.string(Self.plan.json, indentation: 2)
        let json = try JSONReader.parse(Array(text.utf8), path: "plan.json")
        #expect(try TrainingPlan(json: json, path: "plan.json") == Self.plan)
        for line in [
            #""dropout": 0.15"#, #""beta1": 0.85"#, #""beta2": 0.97"#, #""epsilon": 1e-09"#,
            #""clip_norm": 0.7"#, #""learning_rate": 0.0012"#,
            #""seed": "18446744073709551615""#,
        ] {
            #expect(text.contains(line), "\(line) in \(text)")
        }
    }

    @Test func `a moved end leaves the rates of the steps before`() throws {
        var plan = TrainingPlan(steps: 100, context: 8, batchSize: 1)
        plan.seconds = 30
        let before = plan
        plan.moveEnd(to: 80, at: 40)
        plan.moveEnd(to: 90, at: 60)
        #expect((0..<40).allSatisfy { plan.rate(at: $0) == before.rate(at: $0) })
        #expect(plan.rate(at: 59) < before.rate(at: 59))
        #expect(plan.rate(at: 60) > plan.rate(at: 59))
        #expect(plan.steps == 90 && plan.isEndSettled(at: 60) && !plan.isEndSettled(at: 61))
        #expect(try TrainingPlan(json: plan.json, path: "plan.json") == plan)
    }

    @Test func `ends that moved are kept by a plan that has no time`() throws {
        var plan = TrainingPlan(steps: 90, context: 8, batchSize: 1)
        let isPossible = plan.setEarlierEnds(
            [.init(until: 40, steps: 100), .init(until: 60, steps: 80)])
        #expect(isPossible)
        #expect(try TrainingPlan(json: plan.json, path: "plan.json") == plan)
    }

    @Test(arguments: [
        "[[3, 9], [3, 8]]", "[[9, 8]]", "[[2000, 3000]]", "[[1]]", "[1]", "7", "[[-1, 4]]",
    ])
    func `impossible changes of the end are an error`(ends: String) throws {
        let value = try JSONReader.parse(Array(ends.utf8), path: "ends")
        let members = (Self.plan.json.object?.members ?? []) + [("earlier_ends", value)]
        let error = #expect(throws: FileError.self) {
            try TrainingPlan(json: .object(JSONObject(members)), path: "plan.json")
        }
        #expect(error?.place == "earlier_ends")
    }

    @Test func `every key is needed`() throws {
        for member in Self.plan.json.object?.members ?? [] where member.key != "lanes" {
            let error = #expect(throws: FileError.self) {
                try TrainingPlan(json: Self.json(member.key, nil), path: "plan.json")
            }
            #expect(error?.path == "plan.json" && error?.place == member.key)
            #expect(error?.found == "no such key")
        }
    }

    @Test func `a plan of before there were lanes has one`() throws {
        var plan = Self.plan
        plan.lanes = 1
        #expect(try TrainingPlan(json: Self.json("lanes", nil), path: "plan.json") == plan)
    }

    @Test func `small models have more lanes, of enough tokens`() {
        func lanes(_ parameters: Int, _ context: Int, _ batchSize: Int) -> Int {
            TrainingPlan.lanes(parameters: parameters, context: context, batchSize: batchSize)
        }
        #expect(lanes(800_000, 128, 16) == 4)
        #expect(lanes(800_000, 64, 12) == 2)
        #expect(lanes(800_000, 64, 3) == 1)
        #expect(lanes(800_000, 4096, 3) == 3)
        #expect(lanes(14_000_000, 256, 32) == 2)
        #expect(lanes(135_000_000, 512, 4) == 1)
        // A lane has at least one part.
        #expect(TrainingPlan(steps: 1, context: 64, batchSize: 12, lanes: 2).microBatchSize == 6)
        #expect(TrainingPlan(steps: 1, context: 64, batchSize: 7, lanes: 4).microBatchSize == 2)
    }

    @Test(arguments: [
        ("steps", "0"), ("steps", "-1"), ("steps", "1.5"), ("steps", "9223372036854775807"),
        ("context", "0"), ("context", "10000000"), ("batch_size", "0"),
        ("batch_size", "1000000000"), ("micro_batch_size", "0"), ("micro_batch_size", "-4"),
        ("lanes", "0"), ("lanes", "8"), ("lanes", "null"),
        ("learning_rate", "0"), ("learning_rate", "-1"), ("learning_rate", "1e300"),
        ("learning_rate", "\"1\""), ("warmup_steps", "-1"), ("dropout", "1"), ("dropout", "-0.1"),
        ("dropout", "0.9999999"), ("seed", "1"), ("seed", "\"-1\""),
        ("evaluation_interval", "0"), ("beta1", "1"), ("beta1", "-0.5"), ("beta2", "1e39"),
        ("epsilon", "0"), ("epsilon", "-1"), ("weight_decay", "-1"), ("weight_decay", "1e300"),
        ("clip_norm", "0"), ("clip_norm", "1e300"), ("clip_norm", "null"), ("beta2", "[]"),
        ("optimizer", "\"sgd\""), ("optimizer", "1"), ("schedule", "\"linear\""),
        ("momentum", "1"), ("final_share", "-0.1"), ("final_share", "1.5"), ("decay_share", "2"),
    ])
    func `an impossible value is an error that names its key`(key: String, value: String) throws {
        let value = try JSONReader.parse(Array(value.utf8), path: "value")
        let error = #expect(throws: FileError.self) {
            try TrainingPlan(json: Self.json(key, value), path: "plan.json")
        }
        #expect(error?.path == "plan.json" && error?.place == key, "\(error?.description ?? "")")
    }

    @Test(arguments: ["[]", "null", "7", "{}"])
    func `what is no plan is an error`(text: String) throws {
        let json = try JSONReader.parse(Array(text.utf8), path: "value")
        #expect(throws: FileError.self) { try TrainingPlan(json: json, path: "plan.json") }
    }

    @Test func `numbers left out suit the others`() {
        let short = TrainingPlan(steps: 1, context: 128, batchSize: 16)
        #expect(short.warmupSteps == 0 && short.evaluationInterval == 1)
        #expect(short.microBatchSize == 8 && short.batchTokens == 2048)
        let long = TrainingPlan(steps: 10_000, context: 1024, batchSize: 16)
        #expect(long.warmupSteps == 100 && long.evaluationInterval == 500)
        #expect(long.microBatchSize == 1)
        #expect(TrainingPlan(steps: 1, context: 10_000, batchSize: 2).microBatchSize == 1)
    }

    @Test func `larger models are expected to need more memory`() {
        var before = 0
        for preset in Preset.allCases {
            let plan = TrainingPlan(
                steps: 1, context: preset.shape.context,
                batchSize: preset.batchTokens / preset.shape.context)
            let bytes = plan.memoryEstimate(preset.config(vocabSize: 1024))
            #expect(bytes > before)
            before = bytes
        }
        #expect(before < 16 << 30)
    }

    @Test func `presets are possible models, and more time gives a larger one`() throws {
        for preset in Preset.allCases {
            let config = preset.config(vocabSize: 512)
            try config.validate()
            #expect(preset.batchTokens % preset.shape.context == 0)
        }
        let chosen = [1, 60, 1200, 3600, 100_000].map { Preset.suited(to: $0) }
        #expect(chosen == Preset.allCases)
        #expect(Preset.suited(to: .infinity) == .base)
        // A text of 1 MB has half a million tokens of such a vocabulary.
        let few = [1, 60, 1200, 3600, 100_000].map {
            Preset.suited(to: $0, tokens: 500_000, vocabSize: 512)
        }
        #expect(few == [.nano, .micro, .micro, .micro, .micro])
        let more = [1, 60, 1200, 3600, 100_000].map {
            Preset.suited(to: $0, tokens: 4_000_000, vocabSize: 512)
        }
        #expect(more == [.nano, .micro, .mini, .small, .small])
    }
}
