import ChoroySystem
import TestSupport
import Testing

@Suite struct `The demo` {
    @Test func `goes from a text to a chatbot, and only chats when it is called again`() throws {
        let corpora = FilePath.join(Fixtures.packageRoot, "corpora")
        try Fixtures.withTemporaryDirectory { directory in
            // A few conversations and a little text: the whole line in seconds.
            let script = """
                mkdir few
                head -c 12000 '\(corpora)/conversations.txt' > few/conversations.txt
                head -c 20000 '\(corpora)/tales.txt' > few/tales.txt
                $choroy demo --corpora few --minutes 0.02 --output made/demo
                """
            let first = try TrainingFixture.shell(script, in: directory)
            #expect(first.code == 0, "\(first.errors)")
            for (word, count) in [("User: ", 5), ("Assistant:", 5)] {
                #expect(
                    first.text.split(separator: "\n").count { $0.hasPrefix(word) } == count,
                    "\(first.text)")
            }
            for part in [
                "choroy finetune made/demo", "choroy merge made/demo",
                "choroy quantize made/demo-merged",
                "Transformer", "6-gram", "+ LoRA", "+ int8",
            ] {
                #expect(first.errors.contains(part), "\(part): \(first.errors)")
            }
            let models = ["demo", "demo-chat", "demo-int8", "demo-merged"]
            #expect(try FilePath.list(FilePath.join(directory, "made")) == models)

            let before = try TrainingFixture.contents(of: FilePath.join(directory, "made"))
            let second = try TrainingFixture.shell(
                "$choroy demo --corpora few --minutes 0.02 --output made/demo", in: directory)
            #expect(second.code == 0, "\(second.errors)")
            #expect(first.text.hasSuffix(second.text))
            #expect(!second.errors.contains("choroy finetune"))
            #expect(try TrainingFixture.contents(of: FilePath.join(directory, "made")) == before)
        }
    }
}
