public import ChoroySystem
internal import ChoroyTensor

extension TrainingPlan {
    /// The plan as `training/plan.json` has it.
    public var json: JSONValue {
        var members: [(key: String, value: JSONValue)] = [
            ("steps", .integer(steps)), ("context", .integer(context)),
            ("batch_size", .integer(batchSize)), ("micro_batch_size", .integer(microBatchSize)),
            ("lanes", .integer(lanes)),
            ("learning_rate", .number(learningRate)), ("warmup_steps", .integer(warmupSteps)),
            ("dropout", Self.shortest(dropout)), ("seed", .string(String(seed))),
            ("evaluation_interval", .integer(evaluationInterval)),
            ("schedule", .string(scheduleShape.rawValue)),
            ("final_share", .number(finalShare)), ("decay_share", .number(decayShare)),
            ("optimizer", .string(optimizer.method.rawValue)),
            ("momentum", Self.shortest(optimizer.momentum)),
            ("beta1", Self.shortest(optimizer.adamw.beta1)),
            ("beta2", Self.shortest(optimizer.adamw.beta2)),
            ("epsilon", Self.shortest(optimizer.adamw.epsilon)),
            ("weight_decay", Self.shortest(optimizer.adamw.weightDecay)),
            ("clip_norm", Self.shortest(optimizer.adamw.clipNorm)),
            ("precision", .string(precision.rawValue)),
            ("checkpoint_activations", .bool(checkpointActivations)),
        ]
        if let seconds { members.append(("seconds", .number(seconds))) }
        if !earlierEnds.isEmpty {
            let ends = earlierEnds.map {
                JSONValue.array([.integer($0.until), .integer($0.steps)])
            }
            members.append(("earlier_ends", .array(ends)))
        }
        return .object(JSONObject(members))
    }

    /// The shortest decimal that is this float again: 0.15, not 0.15000000596046448.
    private static func shortest(_ value: Float) -> JSONValue {
        .number(Double(value.description) ?? Double(value))
    }

    /// The plan that `json` describes.
    ///
    /// - Throws: `FileError` with the key that is missing or impossible.
    public init(json: JSONValue, path: String) throws {
        func error(_ key: String, _ expected: String) -> FileError {
            FileError(
                path, at: key, expected: expected,
                found: json[key].map { JSONWriter.string($0) } ?? "no such key")
        }
        func integer(_ key: String) throws -> Int {
            guard let value = json[key]?.integer else {
                throw error(key, "a whole number")
            }
            return value
        }
        func number(_ key: String) throws -> Double {
            guard let value = json[key]?.double else { throw error(key, "a number") }
            return value
        }
        func name<Value: RawRepresentable<String> & CaseIterable>(
            _ key: String, _ type: Value.Type
        ) throws -> Value {
            guard let value = json[key]?.string.flatMap({ Value(rawValue: $0) }) else {
                throw error(
                    key, Value.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return value
        }
        guard let precision = json["precision"]?.string.flatMap({ Precision(rawValue: $0) }) else {
            throw error("precision", "float32 or bfloat16")
        }
        guard let seed = json["seed"]?.string.flatMap({ UInt64($0) }) else {
            throw error("seed", "a whole number as a string")
        }
        self.init(
            steps: try integer("steps"), context: try integer("context"),
            batchSize: try integer("batch_size"), microBatchSize: try integer("micro_batch_size"),
            // A run that began without lanes has none.
            lanes: json["lanes"] == nil ? 1 : try integer("lanes"),
            learningRate: try number("learning_rate"), warmupSteps: try integer("warmup_steps"),
            dropout: Float(try number("dropout")), seed: seed,
            evaluationInterval: try integer("evaluation_interval"),
            optimizer: Optimizer.Settings(
                try name("optimizer", Optimizer.Method.self),
                adamw: AdamW.Settings(
                    beta1: Float(try number("beta1")), beta2: Float(try number("beta2")),
                    epsilon: Float(try number("epsilon")),
                    weightDecay: Float(try number("weight_decay")),
                    clipNorm: Float(try number("clip_norm"))),
                momentum: Float(try number("momentum"))),
            scheduleShape: try name("schedule", LearningRateSchedule.Shape.self),
            finalShare: try number("final_share"), decayShare: try number("decay_share"),
            precision: precision)
        guard let recomputes = json["checkpoint_activations"]?.bool else {
            throw error("checkpoint_activations", "true or false")
        }
        checkpointActivations = recomputes
        if json["seconds"] != nil { seconds = try number("seconds") }
        if let value = json["earlier_ends"] {
            let ends = value.array?.compactMap { end -> EarlierEnd? in
                guard let pair = end.array, pair.count == 2, let until = pair[0].integer,
                    let steps = pair[1].integer
                else { return nil }
                return EarlierEnd(until: until, steps: steps)
            }
            guard let ends, ends.count == value.array?.count, setEarlierEnds(ends) else {
                throw error("earlier_ends", "pairs of rising steps and the steps planned before")
            }
        }
        if let problem {
            throw FileError(
                path, at: problem.key, expected: problem.expected, found: problem.found)
        }
    }
}
