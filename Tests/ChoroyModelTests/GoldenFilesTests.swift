import ChoroyModel
import ChoroySystem
import TestSupport
import Testing

@Suite struct `Golden Llama models` {
    @Test(arguments: ["llama-1", "llama-2", "llama-3"])
    func `have a configuration, weights and logits that fit each other`(_ name: String) throws {
        let directory = FilePath.join(Fixtures.packageRoot, "Tests/ChoroyModelTests/Golden/\(name)")
        let config = try TransformerConfig(contentsOf: FilePath.join(directory, "config.json"))
        let file = try SafetensorsFile(path: FilePath.join(directory, "model.safetensors"))
        #expect(file.header.tensors.reduce(0) { $0 + $1.count } == config.parameterCount)
        #expect(file.info("lm_head.weight") == nil || !config.tieWordEmbeddings)
        let path = FilePath.join(directory, "logits.json")
        let golden = try JSONReader.parse(try FileBytes.read(path), path: path)
        for prompt in try #require(golden["prompts"]?.array) {
            let rows = try #require(prompt["logits"]?.array)
            #expect(rows.count == prompt["input_ids"]?.array?.count)
            #expect(rows.allSatisfy { $0.array?.count == config.vocabSize })
        }
    }
}
