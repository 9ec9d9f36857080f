import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Kinds of tokenizer files` {
    @Test func `what a file holds is seen by its content, whatever its name`() throws {
        let trained = try BPETrainer(vocabularySize: 270, pattern: .cl100k)
            .train([Array("low lower lowest".utf8)[...]])
        try Fixtures.withTemporaryDirectory { directory in
            try trained.save(to: directory)
            let json = try FileBytes.read(FilePath.join(directory, "tokenizer.json"))
            let ranks = try trained.tiktokenFile(for: "ranks")
            for name in ["a", "a.txt", "a.gguf", "a.tiktoken", "a.model"] {
                let path = FilePath.join(directory, name)
                try AtomicFile.write(json, to: path)
                #expect(
                    try Tokenizer(contentsOf: path).encode("lowest") == trained.encode("lowest"))
                try AtomicFile.write(ranks, to: path)
                let read = try Tokenizer(contentsOf: path, pattern: .cl100k)
                #expect(read.encode("lowest") == trained.encode("lowest"))
                try AtomicFile.write(Array("GGUF".utf8), to: path)
                let error = #expect(throws: FileError.self) { try Tokenizer(contentsOf: path) }
                #expect(error?.description.contains("version") == true, "\(error as Any)")
            }
        }
    }
}
