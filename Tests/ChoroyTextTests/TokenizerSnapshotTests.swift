import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Tokenizer snapshots` {
    private static let text =
        "The quick brown fox\u{2019}s 1234567 jumps, over\r\n\tthe lazy dog \u{C57C}\u{C625} \u{1F609} <|im_end|>"

    private func same(_ tokenizer: Tokenizer) throws {
        let copy = try Tokenizer(fileBytes: tokenizer.fileBytes, path: "snapshot")
        #expect(copy.vocabularySize == tokenizer.vocabularySize)
        #expect(copy.encode(Self.text) == tokenizer.encode(Self.text))
        let bytes = Array(Self.text.utf8)
        #expect(
            copy.encode(bytes, parsingSpecialTokens: true)
                == tokenizer.encode(bytes, parsingSpecialTokens: true))
        #expect(copy.specialTokens.map(\.id) == tokenizer.specialTokens.map(\.id))
        #expect(
            copy.decode(copy.encode(Self.text)) == tokenizer.decode(tokenizer.encode(Self.text)))
        #expect(try Tokenizer(fileBytes: copy.fileBytes, path: "snapshot").hash == copy.hash)
    }

    @Test func `a tokenizer comes back from its bytes`() throws {
        try same(Tokenizer())
        try same(Tokenizer(bytesAnd: ["<|endoftext|>"], pattern: .gpt2))
        #expect(try Tokenizer(fileBytes: Tokenizer().fileBytes, path: "").hash == Tokenizer().hash)
    }

    @Test func `those of others come back too`() throws {
        guard let folder = Fixtures.shared("tokenizers") else { return }
        for name in try FilePath.list(folder) {
            let path = FilePath.join(folder, name)
            guard FilePath.kind(of: FilePath.join(path, "tokenizer.json")) == .file,
                let tokenizer = try? Tokenizer(contentsOf: path)
            else { continue }
            try same(tokenizer)
        }
    }

    @Test func `cut or changed bytes are refused or read, never trapped on`() throws {
        let bytes = Tokenizer(bytesAnd: ["<|endoftext|>"]).fileBytes
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: FileError.self) {
                try Tokenizer(fileBytes: Array(bytes[..<count]), path: "snapshot")
            }
        }
        var random = SeededRandom(seed: 9)
        for _ in 0..<300 {
            var changed = bytes
            changed[Int.random(in: 8..<bytes.count, using: &random)] = UInt8.random(
                in: 0...255, using: &random)
            do {
                _ = try Tokenizer(fileBytes: changed, path: "snapshot").encode(Self.text)
            } catch is FileError {}
        }
    }
}
