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

    @Test func `one document gives up pieces of whole lines from all over`() {
        let lines = (0..<4000).map { "line number \($0)\n" }
        let text = lines.joined()
        let split = Self.split(text)
        #expect(split.validation.count == 3)
        #expect(
            Self.strings(split.validation).allSatisfy { $0.hasPrefix("line") && $0.hasSuffix("\n") }
        )
        let held = split.validation.reduce(0) { $0 + $1.count }
        #expect((text.utf8.count / 40...text.utf8.count / 15).contains(held))
        // In the order of the text, the parts make the whole again.
        let parts = (split.training + split.validation).sorted { $0.startIndex < $1.startIndex }
        #expect(Self.strings(parts).joined() == text)
    }

    @Test func `the pieces of a text of one line are cut between characters`() {
        for text in [
            String(repeating: "é", count: 3000), String(repeating: "a🦜", count: 3100),
            String(repeating: "語", count: 4000) + "\n",
        ] {
            let split = Self.split(text)
            let parts = (split.training + split.validation).sorted { $0.startIndex < $1.startIndex }
            // Decoding replaces a cut character, so the parts would not make the whole.
            #expect(Self.strings(parts).joined() == text)
            #expect(!split.validation.isEmpty)
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
