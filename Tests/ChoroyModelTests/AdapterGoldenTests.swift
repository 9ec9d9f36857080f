import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import TestSupport
import Testing

/// The adapter of ../shared/data that PEFT made for stories260K.
@Suite struct `Adapter of stories260K` {
    static let isThere = Fixtures.shared("models/stories260K-lora-r4") != nil

    static func base() throws -> Transformer {
        let directory = try #require(Fixtures.shared("models/stories260K/hf"))
        return try Transformer(
            TransformerConfig(contentsOf: FilePath.join(directory, "config.json")),
            from: SafetensorsFile(path: FilePath.join(directory, "model.safetensors")),
            isFrozen: true)
    }

    static func golden(_ name: String) throws -> (directory: String, json: JSONValue) {
        let directory = try #require(Fixtures.shared("models/stories260K-lora-r4"))
        let path = FilePath.join(directory, name)
        return (directory, try JSONReader.parse(FileBytes.read(path), path: path))
    }

    static func ids(_ json: JSONValue?) throws -> [TokenID] {
        try #require(json?.array).map { TokenID($0.integer ?? -1) }
    }

    static func numbers(_ json: JSONValue?) throws -> [Double] {
        try #require(json?.array).map { $0.double ?? .nan }
    }

    /// 1e-4: float32 here, float64 there.
    @Test(.enabled(if: isThere, sharedDataIsAbsent))
    func `gives the logits of PEFT`() throws {
        let (directory, golden) = try Self.golden("golden.json")
        let model = try Self.base().attaching(Adapter(contentsOf: directory))
        for prompt in try #require(golden["forward"]?.array) {
            let tokens = try Self.ids(prompt["input_ids"])
            var states = [model.initialState()]
            let logits = model.logits([tokens], states: &states, at: .last).values
            let expected = try Self.numbers(prompt["logits_last"])
            #expect(logits.count == expected.count)
            let difference = zip(logits, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
            #expect(difference <= 1e-4)
            var fresh = [model.initialState()]
            let nats = model.logProbabilities([tokens], states: &fresh)[0]
            let wanted = try Self.numbers(prompt["nll"])
            #expect(zip(nats, wanted).allSatisfy { abs($0 + $1) <= 1e-4 })
        }
    }

    /// 4e-5: logits reach 18.4, and PEFT's own float32 differs by 3.0e-5 between the two, since W + s · B A
    /// is rounded once more when it is merged.
    @Test(.enabled(if: isThere, sharedDataIsAbsent))
    func `gives the same logits merged`() throws {
        let (directory, golden) = try Self.golden("golden.json")
        let base = try Self.base()
        let attached = try base.attaching(Adapter(contentsOf: directory))
        let merged = try base.merging(Adapter(contentsOf: directory))
        for prompt in try #require(golden["forward"]?.array) {
            let tokens = try Self.ids(prompt["input_ids"])
            let rows = [attached, merged].map { model in
                var states = [model.initialState()]
                return model.logits([tokens], states: &states, at: .all).values
            }
            let difference = zip(rows[0], rows[1]).map { abs($0 - $1) }.max() ?? .infinity
            #expect(difference <= 4e-5)
        }
    }
}
