import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Reading a corpus` {
    @Test func `a line of its own separates documents`() throws {
        let text =
            "one\n<|endoftext|>\ntwo <|endoftext|>\n<|endoftext|>x\n<|endoftext|>\r\n\n<|endoftext|>"
        let documents = Corpus(Array(text.utf8)).documents.map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(documents == ["one\n", "two <|endoftext|>\n<|endoftext|>x\n", "\n"])
    }

    @Test func `directories give their files in order, without dotfiles`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            for (name, text) in [("b", "2"), ("a", "1\u{FF}"), (".c", "3")] {
                try AtomicFile.write(Array(text.utf8), to: FilePath.join(directory, name))
            }
            try FilePath.createDirectory(FilePath.join(directory, "deep"))
            let corpus = try Corpus(at: [directory])
            #expect(corpus.documents.map { Array($0) } == [Array("1\u{FF}".utf8), [0x32]])
            #expect(corpus.byteCount == 4)
        }
    }

    @Test func `what is no text is refused by name`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            for (name, bytes, words) in [
                ("empty", [], "found none"), ("binary", [0x41, 0], "a NUL byte"),
                ("separators", Array("<|endoftext|>\n".utf8), "found none"),
            ] as [(String, [UInt8], String)] {
                let path = FilePath.join(directory, name)
                try AtomicFile.write(bytes, to: path)
                let error = #expect(throws: FileError.self) { try Corpus(at: [path]) }
                #expect(error?.description.contains(words) == true)
                #expect(error?.path == path)
            }
            #expect(throws: FileError.self) { try Corpus(at: [FilePath.join(directory, "no")]) }
        }
    }

    @Test func `invalid UTF-8 is kept`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "text")
            try AtomicFile.write([0x61, 0xFF, 0xC3], to: path)
            #expect(try Corpus(at: [path]).documents.map { Array($0) } == [[0x61, 0xFF, 0xC3]])
        }
    }
}
