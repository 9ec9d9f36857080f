import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining
import TestSupport
import Testing

@Suite struct `Training` {
    /// 1e-4 relative: float32 here and in PyTorch, errors grow along the ten steps.
    @Test func `ten losses follow PyTorch`() throws {
        let directory = FilePath.join(Fixtures.packageRoot, "Tests/ChoroyTrainingTests/Golden")
        let golden = try JSONReader.parse(
            FileBytes.read(FilePath.join(directory, "llama_training.json")), path: "golden")
        let config = try TransformerConfig(
            contentsOf: FilePath.join(directory, "llama_training/config.json"))
        let model = try Transformer(
            config,
            from: SafetensorsFile(
                path: FilePath.join(directory, "llama_training/start.safetensors")))
        func number(_ key: String) throws -> Double { try #require(golden[key]?.double) }
        func numbers(_ key: String) throws -> [Double] {
            try #require(golden[key]?.array).map { $0.double ?? .nan }
        }
        var optimizer = AdamW(
            model.parameters,
            settings: AdamW.Settings(
                beta1: Float(try number("beta1")), beta2: Float(try number("beta2")),
                epsilon: Float(try number("epsilon")),
                weightDecay: Float(try number("weight_decay")),
                clipNorm: Float(try number("clip_norm"))))
        let (losses, norms) = (try numbers("losses"), try numbers("gradient_norms"))
        let batches = try #require(golden["tokens"]?.array)
        for (step, batch) in batches.enumerated() {
            let rows = try #require(batch.array).map { row in
                (row.array ?? []).map { TokenID($0.integer ?? -1) }
            }
            let pass = ForwardPass.training(lengths: rows.map { $0.count - 1 })
            var gradients = Gradients(for: model.parameters)
            let loss = linearCrossEntropy(
                model.hidden(rows.flatMap { $0.dropLast() }, pass), model.lmHead, recording: true,
                targets: rows.flatMap { $0.dropFirst() })
            let value = Double(loss.scalar)
            loss.backward(into: &gradients)
            let norm = gradients.norm()
            #expect(abs(value - losses[step]) <= 1e-4 * losses[step])
            #expect(abs(norm - norms[step]) <= 1e-3 * norms[step])
            optimizer.update(
                with: gradients, norm: norm, learningRate: Float(try number("learning_rate")))
        }
        #expect(batches.count >= 10)
        // 1e-3: AdamW divides by the root of tiny second moments, which magnifies rounding.
        let end = try SafetensorsFile(
            path: FilePath.join(directory, "llama_training/end.safetensors"))
        for parameter in model.parameters {
            let expected = try end.floats(parameter.name)
            let difference = zip(parameter.value.values, expected).map { abs($0 - $1) }.max()
            #expect(try #require(difference) <= 1e-3, "\(parameter.name)")
        }
    }
}
