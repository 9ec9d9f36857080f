import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining
import TestSupport
import Testing

@Suite struct `Training of adapters` {
    static func model(_ directory: String) throws -> Transformer {
        try Transformer(
            TransformerConfig(contentsOf: FilePath.join(directory, "config.json")),
            from: SafetensorsFile(path: FilePath.join(directory, "model.safetensors")),
            isFrozen: true)
    }

    static func rows(_ json: JSONValue?) throws -> [[TokenID]] {
        try #require(json?.array).map { row in
            (row.array ?? []).map { TokenID($0.integer ?? -1) }
        }
    }

    static func numbers(_ json: JSONValue?) throws -> [Double] {
        try #require(json?.array).map { $0.double ?? .nan }
    }

    /// Trains `adapter` with PyTorch's defaults and compares every step.
    ///
    /// 1e-4 relative: float32 here and in PyTorch, errors grow along the steps.
    static func follow(
        _ losses: [Double], _ norms: [Double], _ model: Transformer, _ adapter: Adapter,
        _ batch: (Int) -> [[TokenID]]
    ) {
        var optimizer = AdamW(
            adapter.parameters,
            settings: AdamW.Settings(
                beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1e9))
        for step in losses.indices {
            let rows = batch(step)
            let pass = ForwardPass.training(lengths: rows.map { $0.count - 1 })
            var gradients = Gradients(for: adapter.parameters)
            let loss = linearCrossEntropy(
                model.hidden(rows.flatMap { $0.dropLast() }, pass), model.lmHead, recording: true,
                targets: rows.flatMap { $0.dropFirst() })
            let value = Double(loss.scalar)
            loss.backward(into: &gradients)
            let norm = gradients.norm()
            #expect(abs(value - losses[step]) <= 1e-4 * losses[step], "step \(step)")
            #expect(abs(norm - norms[step]) <= 1e-3 * norms[step], "step \(step)")
            optimizer.update(with: gradients, norm: norm, learningRate: 0.01)
        }
    }

    @Test(arguments: ["lora", "rslora", "dora", "tokens-tied", "tokens-untied"])
    func `follows PEFT`(_ kind: String) throws {
        let root = FilePath.join(Fixtures.packageRoot, "Tests/ChoroyModelTests/Golden")
        let directory = FilePath.join(root, "adapters/\(kind)")
        let path = FilePath.join(directory, "golden.json")
        let golden = try JSONReader.parse(FileBytes.read(path), path: path)
        let base = try Self.model(
            FilePath.join(root, try #require(golden["base"]?.string)))
        let adapter = try Adapter(contentsOf: directory)
        let model = try base.attaching(adapter)
        let before = base.parameters.map(\.version)
        let batch = try Self.rows(golden["batch"])
        let losses = try Self.numbers(golden["losses"])
        #expect(losses.count >= 8)
        Self.follow(losses, try Self.numbers(golden["gradient_norms"]), model, adapter) { _ in batch
        }
        #expect(base.parameters.map(\.version) == before)
    }

    @Test(
        .enabled(if: Fixtures.shared("models/stories260K-lora-r4") != nil, sharedDataIsAbsent))
    func `of stories260K follows PEFT`() throws {
        let directory = try #require(Fixtures.shared("models/stories260K-lora-r4"))
        let path = FilePath.join(directory, "golden-train.json")
        let golden = try JSONReader.parse(FileBytes.read(path), path: path)
        let base = try Self.model(try #require(Fixtures.shared("models/stories260K/hf")))
        let adapter = try Adapter(contentsOf: directory)
        let model = try base.attaching(adapter)
        let batches = try #require(golden["batches"]?.array).map { try Self.rows($0) }
        Self.follow(
            try Self.numbers(golden["loss"]), try Self.numbers(golden["grad_norm"]), model,
            adapter
        ) { batches[$0 % batches.count] }
    }

    /// Half of the inputs of each adapter dropped: another loss, the same when repeated, and learnt.
    @Test(arguments: [false, true])
    func `draws its own dropout`(_ useDora: Bool) throws {
        let root = FilePath.join(Fixtures.packageRoot, "Tests/ChoroyModelTests/Golden")
        let base = try Self.model(FilePath.join(root, "llama-2"))
        let adapter = Adapter(
            AdapterConfig(r: 4, loraAlpha: 32, loraDropout: 0.5, useDora: useDora), seed: 5)
        let model = try base.attaching(adapter)
        let tokens = (0..<48).map { TokenID($0 * 7 % 47) }
        func loss(seed: UInt64, _ step: Int, into gradients: inout Gradients) -> Float {
            let pass = ForwardPass.training(
                lengths: [47], .init(dropout: 0, seed: seed, step: step))
            let loss = linearCrossEntropy(
                model.hidden(Array(tokens.dropLast()), pass), model.lmHead, recording: true,
                targets: Array(tokens.dropFirst()))
            let value = loss.scalar
            loss.backward(into: &gradients)
            return value
        }
        var optimizer = AdamW(adapter.parameters)
        var losses: [Float] = []
        for step in 0..<40 {
            var gradients = Gradients(for: adapter.parameters)
            losses.append(loss(seed: 1, step, into: &gradients))
            optimizer.update(with: gradients, norm: gradients.norm(), learningRate: 0.01)
        }
        #expect(losses[39] < losses[0] - 0.5)
        var gradients = Gradients(for: adapter.parameters)
        let once = loss(seed: 1, 0, into: &gradients)
        #expect(loss(seed: 1, 0, into: &gradients) == once)
        #expect(loss(seed: 2, 0, into: &gradients) != once)
        #expect(loss(seed: 1, 1, into: &gradients) != once)
    }
}
