import ChoroyText
import ChoroyTraining
import Testing

@Suite struct `Splitting a text` {
    static func split(_ text: String) -> TextSplit { TextSplit(Corpus(Array(text.utf8))) }

    static func strings(_ documents: [ArraySlice<UInt8>]) -> [String] {
        documents.map { String(decoding: $0, as: UTF8.self) }
    }

    static func joined(_ documents: [String]) -> String {
        documents.joined(separator: "\(Corpus.separator)\n")
    }

    @Test func `of many documents every tenth is held back, whole`() {
        let documents = (0..<25).map { "document \($0)\n" }
        let split = Self.split(Self.joined(documents))
        #expect(Self.strings(split.validation) == ["document 9\n", "document 19\n"])
        let kept = documents.filter { $0 != "document 9\n" && $0 != "document 19\n" }
        #expect(Self.strings(split.training) == kept)
    }

    @Test func `one document is cut at the beginning of a line`() {
        let lines = (0..<50).map { "line number \($0)\n" }
        let split = Self.split(lines.joined())
        #expect(Self.strings(split.training) == [lines[..<46].joined()])
        #expect(Self.strings(split.validation) == [lines[46...].joined()])
    }

    @Test func `of few documents the last go whole, and one in part`() {
        let documents = [String(repeating: "a\n", count: 450), "bb\n", "c\n", "d\n"]
        let split = Self.split(Self.joined(documents))
        #expect(Self.strings(split.validation).suffix(3) == ["bb\n", "c\n", "d\n"])
        #expect(Self.strings(split.validation).joined().utf8.count == 89)
        #expect((Self.strings(split.training + split.validation)).joined() == documents.joined())
    }

    @Test func `a text of one line is cut between characters`() {
        for text in [
            String(repeating: "é", count: 100), String(repeating: "a🦜", count: 31),
            String(repeating: "語", count: 40) + "\n",
        ] {
            let split = Self.split(text)
            let (training, validation) = (
                Self.strings(split.training), Self.strings(split.validation)
            )
            #expect(training.count == 1 && validation.count == 1)
            // Decoding replaces a cut character, so the parts would not make the whole.
            #expect(training.joined() + validation.joined() == text)
            #expect(validation.joined().utf8.count <= text.utf8.count / 10 + 4)
        }
    }

    @Test(arguments: 1...40)
    func `no byte is lost from a tiny text, and something is left to learn`(count: Int) {
        for text in [
            String(repeating: "a", count: count), String(repeating: "\n", count: count),
            Self.joined([String](repeating: "b", count: count)),
        ] {
            let corpus = Corpus(Array(text.utf8))
            let split = TextSplit(corpus)
            let (training, validation) = (split.training, split.validation)
            #expect(!training.isEmpty)
            #expect((training + validation).allSatisfy { !$0.isEmpty })
            let sum = (training + validation).reduce(0) { $0 + $1.count }
            #expect(sum == corpus.byteCount)
            if corpus.byteCount < 10 { #expect(validation.isEmpty) }
        }
    }

    @Test func `the look during training is small and from all over`() {
        let documents = (0..<1000).map { "\($0): " + String(repeating: "x", count: 500) + "\n" }
        let split = Self.split(Self.joined(documents))
        let sample = split.validationSample(limit: 4096)
        #expect(sample.reduce(0) { $0 + $1.count } <= 4096)
        #expect(Self.strings(sample).map { $0.prefix(3) } == ["9: ", "509"])
        #expect(split.validationSample(limit: 1 << 20) == split.validation)
        #expect(Self.split("short").validationSample(limit: 100).isEmpty)
    }

    @Test func `each document ends with the end-of-text token`() throws {
        let tokenizer = try BPETrainer(vocabularySize: 264).train([UInt8]())
        let end = try #require(tokenizer.id(ofSpecial: Corpus.separator))
        let documents = [Array("ab".utf8)[...], Array("c".utf8)[...]]
        let marked = TextSplit.tokens(documents, encoding: tokenizer, end: end)
        #expect(marked == [97, 98, end, 99, end])
        let bare = TextSplit.tokens(documents, encoding: tokenizer, end: nil)
        #expect(bare == [97, 98, 99])
    }
}
