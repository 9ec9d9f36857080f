import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `SentencePiece in tokenizer.json` {
    private func reading(
        model: String = "", normalizer: String = "null", pre: String = "null",
        merges: String = #"[["a","b"],["\u2581","ab"]]"#
    ) throws -> Tokenizer {
        let json = """
            {"added_tokens": [{"id": 6, "content": "</s>", "special": true, "normalized": false}],
             "normalizer": \(normalizer), "pre_tokenizer": \(pre),
             "model": {"type": "BPE", "byte_fallback": true, "fuse_unk": true, "unk_token": "<unk>"\(model),
              "vocab": {"<unk>": 0, "\u{2581}": 1, "a": 2, "b": 3, "ab": 4, "\u{2581}ab": 5, "</s>": 6,
               "<0xC3>": 7, "<0xA9>": 8}, "merges": \(merges)}}
            """
        return try Fixtures.withTemporaryDirectory { directory in
            try AtomicFile.write(
                Array(json.utf8), to: FilePath.join(directory, "tokenizer.json"))
            return try Tokenizer(contentsOf: directory)
        }
    }

    private static let replace =
        #"{"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}"#
    private static let prepend = #"{"type": "Prepend", "prepend": "\u2581"}"#
    private static let sequence =
        #"{"type": "Sequence", "normalizers": [\#(prepend), \#(replace)]}"#

    /// Gemma's, which finds nothing to cut.
    private static let split =
        #"{"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}"#

    private static func metaspace(_ scheme: String) -> String {
        #"{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "\#(scheme)", "split": false}"#
    }

    @Test func `spaces come before texts as normalizers or Metaspace say`() throws {
        let texts = ["ab", " ab", "ab</s>ab", "é"]
        for (normalizer, pre, expected) in [
            (Self.sequence, "null", [[5], [1, 5], [5, 6, 5], [1, 7, 8]]),
            (Self.replace, "null", [[4], [5], [4, 6, 4], [7, 8]]),
            ("null", Self.metaspace("always"), [[5], [5], [5, 6, 5], [1, 7, 8]]),
            ("null", Self.metaspace("first"), [[5], [5], [5, 6, 4], [1, 7, 8]]),
            ("null", Self.metaspace("never"), [[4], [5], [4, 6, 4], [7, 8]]),
            (Self.replace, Self.split, [[4], [5], [4, 6, 4], [7, 8]]),
        ] as [(String, String, [[TokenID]])] {
            let tokenizer = try reading(normalizer: normalizer, pre: pre)
            let found = texts.map {
                tokenizer.encode(Array($0.utf8), parsingSpecialTokens: true)
            }
            #expect(found == expected, "\(normalizer) \(pre)")
            try Fixtures.withTemporaryDirectory { directory in
                try tokenizer.save(to: directory)
                let copy = try Tokenizer(contentsOf: directory)
                #expect(copy.hash == tokenizer.hash, "what is written is what was read")
                #expect(copy.decode(expected[1]) == tokenizer.decode(expected[1]))
            }
        }
    }

    @Test func `other normalizers come first`() throws {
        let sequence =
            #"{"type": "Sequence", "normalizers": [{"type": "Lowercase"}, \#(Self.replace)]}"#
        #expect(try reading(normalizer: sequence).encode("AB ab") == [4, 5])
        let late =
            #"{"type": "Sequence", "normalizers": [\#(Self.replace), {"type": "Lowercase"}]}"#
        #expect(throws: FileError.self) { try reading(normalizer: late) }
    }

    @Test(.enabled(if: Fixtures.shared("tokenizers/phi3-spm") != nil, sharedDataIsAbsent))
    func `scores are written as merges that give the same ids`() throws {
        let file = try #require(
            Fixtures.shared("tokenizers/phi3-spm/ggml-vocab-phi-3.gguf"))
        let tokenizer = try Tokenizer(contentsOf: file)
        let copy = try Fixtures.withTemporaryDirectory { directory in
            try tokenizer.save(to: directory)
            return try Tokenizer(contentsOf: directory)
        }
        #expect(copy.vocabularySize == tokenizer.vocabularySize)
        let texts =
            String(decoding: try FileBytes.read("\(file).inp"), as: UTF8.self)
            .split(separator: "\n__ggml_vocab_test__\n").map(String.init) + [smallText]
        #expect(texts.count > 30)
        for text in texts {
            #expect(copy.encode(text) == tokenizer.encode(text), "\(text)")
            #expect(copy.decode(copy.encode(text)) == tokenizer.decode(tokenizer.encode(text)))
        }
    }

    @Test func `a byte without a token is unknown`() throws {
        #expect(try reading(normalizer: Self.replace).encode("c") == [0])
    }

    @Test func `what is not known is an error`() {
        let known = Self.replace
        for read in [
            { try self.reading() }, { try self.reading(normalizer: #"{"type": "Precompiled"}"#) },
            { try self.reading(normalizer: known, pre: #"{"type": "Whitespace"}"#) },
            {
                try self.reading(pre: #"{"type": "Metaspace", "replacement": "_", "split": false}"#)
            },
            { try self.reading(pre: Self.metaspace("sometimes")) },
            { try self.reading(model: #", "ignore_merges": true"#, normalizer: known) },
            { try self.reading(normalizer: known, merges: #"[["a","c"]]"#) },
            { try self.reading(normalizer: known, merges: #"[["a","a"]]"#) },
            { try self.reading(normalizer: known, merges: #"["ab"]"#) },
            { try self.reading(normalizer: known, merges: #"["a b", "a b"]"#) },
        ] { #expect(throws: FileError.self) { try read() } }
    }
}
