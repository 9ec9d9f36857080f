import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Tokenizer files` {
    /// A small valid file; `change` replaces one piece of it.
    private func file(
        vocabulary: String = #"{"a":0,"b":1,"ab":2}"#, merges: String = #"["a b"]"#,
        added: String = "[]", normalizer: String = "null",
        preTokenizer: String = #"{"type":"ByteLevel","add_prefix_space":false}"#,
        decoder: String = #"{"type":"ByteLevel"}"#, model: String = #""type":"BPE""#
    ) -> String {
        """
        {"version":"1.0","added_tokens":\(added),"normalizer":\(normalizer),
        "pre_tokenizer":\(preTokenizer),"decoder":\(decoder),
        "model":{\(model),"vocab":\(vocabulary),"merges":\(merges)}}
        """
    }

    private func read(_ text: String) throws -> Tokenizer {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "tokenizer.json")
            try AtomicFile.write(Array(text.utf8), to: path)
            return try Tokenizer(contentsOf: path)
        }
    }

    @Test func `merges are read in both forms`() throws {
        let old = try read(file())
        let new = try read(file(merges: #"[["a","b"]]"#))
        #expect(old.encode("aab") == [0, 2])
        #expect(new.hash == old.hash)
        #expect(old.encode("axb") == [2], "a byte that the vocabulary lacks is passed over")
    }

    @Test func `ignore_merges takes a whole piece from the vocabulary`() throws {
        let vocabulary = #"{"a":0,"b":1,"c":2,"ab":3,"abc":4}"#
        let model = #""type":"BPE","ignore_merges":true"#
        #expect(try read(file(vocabulary: vocabulary)).encode("abc") == [3, 2])
        #expect(try read(file(vocabulary: vocabulary, model: model)).encode("abc") == [4])
    }

    @Test func `a token that merges never make is not taken whole`() throws {
        // (b, c) comes first, so "abc" is a + bc, although a token abc = ab + c exists.
        let tokenizer = try read(
            file(
                vocabulary: #"{"a":0,"b":1,"c":2,"bc":3,"ab":4,"abc":5}"#,
                merges: #"["b c","a b","ab c"]"#))
        #expect(tokenizer.encode("abc") == [0, 3])
    }

    @Test func `gaps between ids stand for nothing`() throws {
        let tokenizer = try read(file(vocabulary: #"{"a":7,"b":1,"ab":20}"#))
        #expect(tokenizer.vocabularySize == 21)
        #expect(tokenizer.encode("abab") == [20, 20])
        #expect(tokenizer.bytes(of: 5) == [])
    }

    @Test func `added tokens that are not special are found in plain text`() throws {
        let tokenizer = try read(
            file(
                added: #"[{"id":3,"content":"b!","special":false},"#
                    + #"{"id":4,"content":"<s>","special":true}]"#))
        #expect(tokenizer.encode("ab!a") == [0, 3, 0])
        #expect(!tokenizer.encode("<s>a").contains(4))
        #expect(tokenizer.specialTokens.map(\.id) == [4])
    }

    @Test func `added tokens take white space and stand alone as their flags say`() throws {
        func ids(_ flags: String, _ text: String) throws -> [TokenID] {
            try read(
                file(
                    vocabulary: #"{"a":0,"b":1,"ab":2,"Ġ":3,"_":4}"#,
                    added: #"[{"id":5,"content":"b!","special":false\#(flags)}]"#)
            ).encode(text)
        }
        #expect(try ids("", "a b! a") == [0, 3, 5, 3, 0])
        #expect(try ids(#","lstrip":true"#, "a  b! a") == [0, 5, 3, 0])
        #expect(try ids(#","rstrip":true"#, "a b!\u{3000} a") == [0, 3, 5, 0])
        #expect(try ids(#","lstrip":true,"rstrip":true"#, " b! b! ") == [5, 5])
        #expect(try ids(#","single_word":true"#, "b! a b!") == [5, 3, 0, 3, 5])
        #expect(try ids(#","single_word":true"#, "b!a") == [1, 0], "a letter follows")
        #expect(try ids(#","single_word":true"#, "_b!") == [4, 1], "an underscore is of words")
    }

    @Test(arguments: [("NFC", [4]), ("NFD", [0, 2]), ("NFKC", [4]), ("NFKD", [0, 2])])
    func `normalizers compose and decompose`(_ name: String, _ expected: [TokenID]) throws {
        // e, the two bytes of U+0301, é
        let vocabulary = #"{"e":0,"Ì":1,"Ìģ":2,"Ã":3,"Ã©":4,"©":5,"ģ":6,"f":7,"i":8}"#
        let tokenizer = try read(
            file(
                vocabulary: vocabulary, merges: #"["Ì ģ","Ã ©"]"#,
                normalizer: #"{"type":"\#(name)"}"#))
        #expect(tokenizer.encode("e\u{301}") == expected)
        #expect(tokenizer.encode("\u{E9}") == expected)
        #expect(tokenizer.encode("\u{FB01}") == (name.contains("K") ? [7, 8] : [6]))
    }

    @Test func `NFC composes before merging`() throws {
        let vocabulary = #"{"e":0,"Ã":1,"©":2,"Ã©":3,"Ì":4,"ģ":5}"#
        let tokenizer = try read(
            file(vocabulary: vocabulary, merges: #"["Ã ©"]"#, normalizer: #"{"type":"NFC"}"#))
        #expect(tokenizer.encode("e\u{301}") == [3])
        #expect(tokenizer.encode([0x65, 0xCC]) == [0, 4], "invalid UTF-8 stays")
    }

    @Test func `what is written is read back with the same hash`() throws {
        for pattern in PreTokenizer.Pattern.allCases {
            let tokenizer = try BPETrainer(vocabularySize: 350, pattern: pattern).train(
                Array(smallText.utf8))
            try Fixtures.withTemporaryDirectory { directory in
                try tokenizer.save(to: FilePath.join(directory, "new/tok"))
                let copy = try Tokenizer(contentsOf: FilePath.join(directory, "new/tok"))
                #expect(copy.hash == tokenizer.hash)
                #expect(copy.pattern == pattern)
                #expect(copy.encode(smallText) == tokenizer.encode(smallText))
            }
        }
    }

    @Test func `files are refused with the reason`() throws {
        let expression = #"{"type":"Split","pattern":{"Regex":"(a+)+b"},"behavior":"Isolated"}"#
        let cases: [(text: String, words: String)] = [
            ("", "end of the file"), ("[]", "an object"), ("{}", "model"),
            (String(repeating: "[", count: 100_000), "levels"),
            (file(model: #""type":"WordPiece""#), "WordPiece"),
            (file(model: #""type":"BPE","byte_fallback":true"#), "byte_fallback"),
            (file(model: #""type":"BPE","dropout":0.1"#), "dropout"),
            (file(model: #""type":"BPE","end_of_word_suffix":"</w>""#), "end_of_word_suffix"),
            (file(normalizer: #"{"type":"Lowercase"}"#), "Lowercase"),
            (file(preTokenizer: "null"), "ByteLevel"),
            (file(preTokenizer: #"{"type":"Metaspace"}"#), "Metaspace"),
            (file(preTokenizer: #"{"type":"ByteLevel","add_prefix_space":true}"#), "add_prefix"),
            (
                file(
                    preTokenizer: #"{"type":"Sequence","pretokenizers":[\#(expression),"#
                        + #"{"type":"ByteLevel","use_regex":false}]}"#), "(a+)+b"
            ),
            (file(decoder: #"{"type":"Fuse"}"#), "Fuse"),
            (file(vocabulary: #"{"a":-1,"b":1,"ab":2}"#), "-1"),
            (file(vocabulary: #"{"a":0,"b":4194304,"ab":2}"#), "4194304"),
            (file(vocabulary: #"{"a":0,"b":99999999999999999999,"ab":2}"#), "id from 0"),
            (file(vocabulary: #"{"a":0,"b":1.5,"ab":2}"#), "1.5"),
            (file(vocabulary: #"{"a":0,"b":"1","ab":2}"#), "id from 0"),
            (file(vocabulary: #"{"a":0,"b":0,"ab":2}"#), "each id once"),
            (file(vocabulary: #"{"a":0,"a":1,"ab":2}"#), "each key once"),
            (file(vocabulary: #"{"a":0,"b":1,"ab":2,"小":3}"#), "alphabet"),
            (file(vocabulary: "[]"), "vocab as an object"),
            (file(merges: #"["a c"]"#), "tokens of the vocabulary"),
            (file(merges: #"["b a"]"#), "result in the vocabulary"),
            (file(merges: #"["ab"]"#), "two tokens"), (file(merges: #"["a b c"]"#), "two tokens"),
            (file(merges: #"[["a"]]"#), "two tokens"), (file(merges: "[7]"), "two tokens"),
            (file(merges: #"["a b","a b"]"#), "again"), (file(merges: "{}"), "merges as an array"),
            (file(added: #"[{"id":9,"content":""}]"#), "content"),
            (file(added: #"[{"id":-9,"content":"<s>"}]"#), "-9"),
            (file(added: #"[{"id":2147483648,"content":"<s>"}]"#), "2147483648"),
            (file(added: #"[{"id":1,"content":"<s>"}]"#), "each id once"),
            (file(added: #"[{"id":5,"content":"ab"}]"#), "id 5"),
            (file(added: #"[{"id":2,"content":"ab","special":true}]"#), "no special token"),
            (file(added: #"[{"id":9,"content":"x"},{"id":9,"content":"y"}]"#), "once"),
        ]
        for (text, words) in cases {
            let error = #expect(throws: FileError.self) { try read(text) }
            let description = error?.description ?? ""
            #expect(description.contains(words), "\(words) is not in: \(description)")
            #expect(!description.contains("\n") && description.count < 500)
        }
    }

    @Test(.enabled(if: Fixtures.shared("malformed/tokenizer") != nil, sharedDataIsAbsent))
    func `malformed files are errors`() throws {
        let directory = try #require(Fixtures.shared("malformed/tokenizer"))
        for name in try FilePath.list(directory) where name.hasSuffix(".json") {
            let path = FilePath.join(directory, name)
            if name == "valid.json" {
                #expect(try Tokenizer(contentsOf: path).vocabularySize == 3)
            } else {
                #expect(throws: FileError.self) { try Tokenizer(contentsOf: path) }
            }
        }
    }

    @Test func `no truncation of a good file traps`() throws {
        let text = file(added: #"[{"id":4,"content":"<s>","special":true}]"#)
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "tokenizer.json")
            for count in 0..<text.utf8.count {
                try AtomicFile.write(Array(text.utf8.prefix(count)), to: path)
                #expect(throws: FileError.self) { try Tokenizer(contentsOf: path) }
            }
        }
    }
}
