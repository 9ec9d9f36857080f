import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining
import TestSupport
import Testing

@Suite struct `A text on the disk` {
    /// Every byte is a token of its own.
    static let tokenizer = Tokenizer()

    static func write(_ text: String, _ name: String, in directory: String) throws -> TextFile {
        let path = FilePath.join(directory, name)
        try AtomicFile.write(Array(text.utf8), to: path)
        return try TextFile(path)
    }

    static func tokens(
        _ text: TrainingText, in directory: String, _ tokenizer: Tokenizer = Self.tokenizer
    ) throws -> (file: TokenFile, notes: [String]) {
        var notes: [String] = []
        let file = try text.tokens(
            at: FilePath.join(directory, "training/tokens.bin"), tokenizer: tokenizer,
            note: { notes.append($0) })
        return (file, notes)
    }

    /// The documents that are learned from.
    static func documents(_ file: TokenFile) -> [String] {
        let tokens = TrainingTokens(file)
        return (0..<tokens.documentCount).map { document in
            var ids: [TokenID] = []
            tokens.append(
                tokens.start(ofDocument: document)..<tokens.start(ofDocument: document + 1),
                to: &ids)
            return String(decoding: tokenizer.decode(ids), as: UTF8.self)
        }
    }

    static func held(_ file: TokenFile) -> [String] {
        file.validationSample(limit: .max, encoding: tokenizer).map {
            String(decoding: tokenizer.decode($0.tokens), as: UTF8.self)
        }
    }

    static func strings(_ documents: [ArraySlice<UInt8>]) -> [String] {
        documents.map { String(decoding: $0, as: UTF8.self) }
    }

    static let texts = [
        "short", "a\nb\nc\n", (0..<25).map { "document \($0)\n<|endoftext|>\n" }.joined(),
        (0..<5000).map { "line number \($0)\n" }.joined(),
        (0..<9).map { String(repeating: "line \($0)\n", count: 9000 * $0) + "<|endoftext|>\n" }
            .joined(),
        String(repeating: "é🦜", count: 40_000), String(repeating: "x", count: 60_000) + "\ny",
    ]

    @Test(arguments: texts.indices)
    func `is split as it is in memory, and each document ends with its token`(index: Int) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let text = Self.texts[index]
            let source = TrainingText.Source(try Self.write(text, "t", in: directory))
            let (file, notes) = try Self.tokens(TrainingText([source]), in: directory)
            let split = TextSplit(Corpus(Array(text.utf8)))
            #expect(notes.isEmpty)
            #expect(
                Self.documents(file)
                    == Self.strings(split.training).map { $0 + Corpus.separator })
            #expect(Self.held(file) == Self.strings(split.validation))
            #expect(file.trainingBytes == split.training.reduce(0) { $0 + $1.count })
            #expect(file.validationBytes == split.validation.reduce(0) { $0 + $1.count })
        }
    }

    @Test func `is tokenized as if it were in memory, in segments or not`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let text = (0..<120_000).map { "Bird number \($0) sings, 'tis \($0 * 7)!\n" }.joined()
            let tokenizer = try BPETrainer(vocabularySize: 500).train(
                Array(text.utf8.prefix(50_000)))
            let file = try Self.write(text, "t", in: directory)
            let other = try Self.write("held\n", "v", in: directory)
            let made = try Self.tokens(
                TrainingText([.init(file)], validation: [other]), in: directory, tokenizer
            ).file
            let tokens = TrainingTokens(made)
            var ids: [TokenID] = []
            tokens.append(0..<tokens.count, to: &ids)
            #expect(ids.dropLast() == tokenizer.encode(Array(text.utf8))[...])
            #expect(ids.last == tokenizer.id(ofSpecial: Corpus.separator))
            #expect(made.validationBytes == 5)
        }
    }

    @Test func `is not tokenized twice, but again when text, tokenizer or weight is another`()
        throws
    {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "training/tokens.bin")
            func make(_ text: String, weight: Double = 1, _ tokenizer: Tokenizer = Self.tokenizer)
                throws -> (bytes: [UInt8], notes: [String], time: Double?)
            {
                let file = try Self.write(text, "t", in: directory)
                let notes = try Self.tokens(
                    TrainingText([.init(file, weight: weight)]), in: directory, tokenizer
                ).notes
                return (try FileBytes.read(path), notes, FilePath.modificationTime(of: path))
            }
            let first = try make("one text")
            let second = try make("one text")
            #expect(first.bytes == second.bytes && first.time == second.time)
            #expect(second.notes.isEmpty)
            for other in [
                try make("two text"), try make("two text", weight: 2),
                try make("two text", weight: 2, Tokenizer(bytesAnd: ["<|x|>"])),
            ] {
                #expect(other.notes.count == 1 && other.notes[0].contains("those of another"))
                #expect(other.bytes != first.bytes)
            }
            #expect(try make("one text").bytes == first.bytes)
        }
    }

    @Test func `is tokenized again when its token file is damaged anywhere`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "training/tokens.bin")
            let file = try Self.write("A text with some words.\nAnd a line.\n", "t", in: directory)
            let text = try TrainingText([.init(file)])
            _ = try Self.tokens(text, in: directory)
            let whole = try FileBytes.read(path)
            var damaged = (0..<whole.count).map { place in
                var bytes = whole
                bytes[place] ^= 16
                return bytes
            }
            damaged += [0, 1, 79, 80, 100, whole.count - 1].map { Array(whole[..<$0]) }
            damaged += [whole + [0], [UInt8](repeating: 0, count: 400)]
            for bytes in damaged {
                try AtomicFile.write(bytes, to: path)
                #expect(try Self.tokens(text, in: directory).notes.count == 1)
                #expect(try FileBytes.read(path) == whole)
            }
            #expect(try FilePath.list(FilePath.join(directory, "training")) == ["tokens.bin"])
        }
    }

    @Test func `a large one gives an even sample to a new tokenizer`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let text = (0..<400_000).map { "\($0)\n" }.joined()
            let source = TrainingText.Source(try Self.write(text, "t", in: directory))
            let held = try Self.write("v", "v", in: directory)
            let whole = try TrainingText([source], validation: [held])
            let size = try whole.size()
            #expect(size.documents == 1 && size.bytes == text.utf8.count)
            #expect(try Self.strings(whole.sample(of: size)) == [text])
            let sample = try whole.sample(of: size, limit: 1 << 18)
            #expect(sample.count == 4 && sample.allSatisfy { $0.count <= 1 << 16 })
            #expect(sample.reduce(0) { $0 + $1.count } > 3 << 16)
        }
    }
}
