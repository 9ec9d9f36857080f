import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Vocabulary in a GGUF file` {
    /// A file as the format's description says, part by part.
    private struct File {
        var bytes = Array("GGUF".utf8)

        init(version: UInt32 = 3, pairs: UInt64) {
            put(version)
            put(0 as UInt64)
            put(pairs)
        }

        mutating func put(_ value: some FixedWidthInteger) {
            for index in 0..<value.bitWidth / 8 {
                bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index)))
            }
        }

        mutating func put(_ text: String) {
            put(UInt64(text.utf8.count))
            bytes += text.utf8
        }

        mutating func put(_ key: String, _ text: String) {
            put(key)
            put(8 as UInt32)
            put(text)
        }

        mutating func put(_ key: String, _ strings: [String]) {
            put(key)
            put(9 as UInt32)
            put(8 as UInt32)
            put(UInt64(strings.count))
            for string in strings { put(string) }
        }

        mutating func put(_ key: String, _ numbers: [Int32]) {
            put(key)
            put(9 as UInt32)
            put(5 as UInt32)
            put(UInt64(numbers.count))
            for number in numbers { put(number) }
        }
    }

    private func reading(_ bytes: [UInt8]) throws -> Tokenizer {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "v.gguf")
            try AtomicFile.write(bytes, to: path)
            return try Tokenizer(contentsOf: path)
        }
    }

    private func small(version: UInt32 = 3, model: String = "gpt2", pre: String = "llama-bpe")
        -> File
    {
        var file = File(version: version, pairs: 5)
        file.put("tokenizer.ggml.model", model)
        file.put("tokenizer.ggml.pre", pre)
        file.put("tokenizer.ggml.tokens", ["a", "b", "ab", "<|end|>"])
        file.put("tokenizer.ggml.merges", ["a b"])
        file.put("tokenizer.ggml.token_type", [1, 1, 1, 3])
        return file
    }

    @Test(arguments: [2, 3] as [UInt32])
    func `tokens, merges and control tokens are read`(_ version: UInt32) throws {
        let tokenizer = try reading(small(version: version).bytes)
        #expect(tokenizer.pattern == .llamaBPE && tokenizer.vocabularySize == 4)
        #expect(tokenizer.encode("aab") == [0, 2])
        #expect(tokenizer.id(ofSpecial: "<|end|>") == 3)
        let text = Array("ab<|end|>".utf8)
        #expect(tokenizer.encode(text, parsingSpecialTokens: true) == [2, 3])
    }

    /// As llama.cpp, which knows from the pattern's name what `tokenizer.json` says as `ignore_merges`.
    @Test(arguments: [("llama-bpe", [4]), ("llama3", [4]), ("qwen2", [2, 3]), ("gpt-2", [2, 3])])
    func `a whole word that is a token is it with Llama 3's pattern`(pre: String, ids: [TokenID])
        throws
    {
        var file = File(pairs: 4)
        file.put("tokenizer.ggml.model", "gpt2")
        file.put("tokenizer.ggml.pre", pre)
        file.put("tokenizer.ggml.tokens", ["a", "b", "ab", "c", "abc"])
        file.put("tokenizer.ggml.merges", ["a b"])
        #expect(try reading(file.bytes).encode("abc") == ids)
    }

    @Test func `an empty name is none, and a name that comes twice stands for the first`() throws {
        var file = File(pairs: 4)
        file.put("tokenizer.ggml.model", "gpt2")
        file.put("tokenizer.ggml.pre", "gpt-2")
        file.put("tokenizer.ggml.tokens", ["a", "", "b", "ab", "ab", ""])
        file.put("tokenizer.ggml.merges", ["a b"])
        let tokenizer = try reading(file.bytes)
        #expect(tokenizer.vocabularySize == 6 && tokenizer.encode("abb") == [3, 2])
        #expect(tokenizer.decode([0, 1, 3, 5]) == Array("aab".utf8))
    }

    @Test func `arrays nobody needs are passed over, and one that is too long is refused unread`()
        throws
    {
        var file = File(pairs: 7)
        file.put("other.strings", ["x", "", "yz"])
        file.put("other.numbers", [1, 2, 3])
        file.bytes += small().bytes[24...]
        #expect(try reading(file.bytes).encode("aab") == [0, 2])
        var long = File(pairs: 1)
        long.put("tokenizer.ggml.tokens")
        long.put(9 as UInt32)
        long.put(8 as UInt32)
        long.put(UInt64(1 << 21 + 1))
        long.bytes += [UInt8](repeating: 0, count: 8 * (1 << 21 + 1))
        let error = #expect(throws: FileError.self) { try reading(long.bytes) }
        #expect(error?.description.contains("at most 2097152 elements, found 2097153") == true)
    }

    @Test func `every cut of a file is an error`() {
        let bytes = small().bytes
        for count in 0..<bytes.count {
            #expect(throws: FileError.self) { try reading(Array(bytes[..<count])) }
        }
    }

    @Test func `what the format or the tokenizer does not allow is an error`() throws {
        var files = [
            Array("GGML".utf8) + small().bytes.dropFirst(4), small(version: 1).bytes,
            small(version: 4).bytes,
            small(version: 0x0300_0000).bytes, small(model: "llama").bytes,
            small(pre: "unheard-of").bytes,
        ]
        func file(_ pairs: UInt64, _ fill: (inout File) -> Void) {
            var file = File(pairs: pairs)
            fill(&file)
            files.append(file.bytes)
        }
        file(UInt64.max) { _ in }
        file(1) { $0.put(UInt64.max) }
        file(1) { $0.put("", "empty key") }
        file(1) {
            $0.put("k"); $0.put(13 as UInt32)
        }
        file(1) {
            $0.put("k"); $0.put(7 as UInt32); $0.put(2 as UInt8)
        }
        file(2) {
            $0.put("k", "a"); $0.put("k", "b")
        }
        // Arrays: nested, of 2⁶³ elements, of more than the file holds, of an unknown type.
        file(1) {
            $0.put("k"); $0.put(9 as UInt32); $0.put(9 as UInt32); $0.put(0 as UInt64)
        }
        for count in [1 << 63, 1 << 40, 3] as [UInt64] {
            file(1) {
                $0.put("k"); $0.put(9 as UInt32); $0.put(11 as UInt32); $0.put(count);
                $0.put(1 as UInt64)
            }
        }
        file(1) {
            $0.put("k"); $0.put(9 as UInt32); $0.put(14 as UInt32); $0.put(0 as UInt64)
        }
        // Kinds for other tokens than there are, and of another type.
        file(4) {
            $0.put("tokenizer.ggml.model", "gpt2")
            $0.put("tokenizer.ggml.tokens", ["a", "b"])
            $0.put("tokenizer.ggml.merges", [String]())
            $0.put("tokenizer.ggml.token_type", [1])
        }
        file(4) {
            $0.put("tokenizer.ggml.model", "gpt2")
            $0.put("tokenizer.ggml.tokens", ["a", "b"])
            $0.put("tokenizer.ggml.merges", ["a c"])
            $0.put("tokenizer.ggml.token_type", ["1", "1"])
        }
        for (index, bytes) in files.enumerated() {
            #expect(throws: FileError.self, "file \(index)") { try reading(bytes) }
        }
    }

    /// Letters a and b, spaces, a few merges with their scores, and tokens for bytes.
    private func sentencePiece(_ scores: [String: Float], addsSpace: Bool = true) -> [UInt8] {
        let space = "\u{2581}"
        let names =
            ["<unk>", "<s>"]
            + (0..<256).map { "<0x\($0 < 16 ? "0" : "")\(String($0, radix: 16, uppercase: true))>" }
            + ["a", "b", space] + scores.keys.sorted()
        var file = File(pairs: 5)
        file.put("tokenizer.ggml.model", "llama")
        file.put("tokenizer.ggml.tokens", names)
        file.put("tokenizer.ggml.scores")
        file.put(9 as UInt32)
        file.put(6 as UInt32)
        file.put(UInt64(names.count))
        for name in names { file.put((scores[name] ?? -100).bitPattern) }
        file.put(
            "tokenizer.ggml.token_type",
            names.map { $0 == "<unk>" ? 2 : $0 == "<s>" ? 3 : $0.hasPrefix("<0x") ? 6 : 1 })
        file.put("tokenizer.ggml.add_space_prefix")
        file.put(7 as UInt32)
        file.put(UInt8(addsSpace ? 1 : 0))
        return file.bytes
    }

    @Test func `SentencePiece merges the highest score first, over words and spaces`() throws {
        let tokenizer = try reading(
            sentencePiece([
                "ab": -2, "ba": -1, "\u{2581}a": -3, "a\u{2581}": -4, "\u{2581}\u{2581}": -5,
            ]))
        func names(_ text: String) -> [String] {
            tokenizer.encode(text).map { String(decoding: tokenizer.bytes(of: $0), as: UTF8.self) }
        }
        // "ba" before "ab"; a space comes before the text, and belongs to no word by itself.
        #expect(names("aba") == [" a", "ba"])
        #expect(names("a a") == [" a", " a"])
        #expect(names("b  b") == [" ", "b", "  ", "b"])
        // A character that is no token is its bytes.
        #expect(tokenizer.encode("é") == [260, 2 + 0xC3, 2 + 0xA9])
        #expect(tokenizer.encode("").isEmpty)
        #expect(
            tokenizer.encode(Array("a<s>a".utf8), parsingSpecialTokens: true).filter { $0 == 1 }
                == [1])
        for text in [
            "", " ", "a", " a b", "  ", "é\u{0}ab\n", "a\u{2581}b".replacing("\u{2581}", with: " "),
        ] {
            #expect(tokenizer.decode(tokenizer.encode(text)) == Array(text.utf8))
        }
        let bare = try reading(sentencePiece(["ab": -1], addsSpace: false))
        #expect(
            bare.encode("ab").count == 1 && bare.decode(bare.encode(" ab")) == Array(" ab".utf8))
    }

    @Test(.enabled(if: Fixtures.shared("tokenizers/phi3-spm") != nil, sharedDataIsAbsent))
    func `Phi-3's file gives the ids of llama.cpp's test`() throws {
        try checkAgainstTest(
            try #require(Fixtures.shared("tokenizers/phi3-spm/ggml-vocab-phi-3.gguf")))
    }

    @Test(.enabled(if: Fixtures.shared("tokenizers/gpt2") != nil, sharedDataIsAbsent))
    func `GPT-2's file gives the ids of llama.cpp's test`() throws {
        try checkAgainstTest(
            try #require(Fixtures.shared("tokenizers/gpt2/ggml-vocab-gpt-2.gguf")))
    }

    private func checkAgainstTest(_ path: String) throws {
        let tokenizer = try Tokenizer(contentsOf: path)
        let texts = String(decoding: try FileBytes.read("\(path).inp"), as: UTF8.self)
            .components(separatedBy: "\n__ggml_vocab_test__\n")
        let lines = String(decoding: try FileBytes.read("\(path).out"), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        #expect(texts.count > 40 && lines.count >= texts.count)
        for (text, line) in zip(texts, lines) {
            #expect(tokenizer.encode(text) == line.split(separator: " ").compactMap { TokenID($0) })
        }
    }
}

extension String {
    /// The parts between occurrences of `separator`.
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
