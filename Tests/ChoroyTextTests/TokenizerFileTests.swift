import ChoroySystem
import ChoroyText
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

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

    @Test(arguments: [
        (#"{"type":"Lowercase"}"#, "ABxaB", "abxab"),
        (#"{"type":"Lowercase"}"#, "\u{130}\u{1E9E}", "i\u{307}\u{DF}"),
        (#"{"type":"StripAccents"}"#, "ae\u{301}b", "aeb"),
        (#"{"type":"Strip"}"#, " \n ab \u{3000}", "ab"),
        (#"{"type":"Strip","strip_left":false,"strip_right":true}"#, " a ", " a"),
        (#"{"type":"Strip","strip_left":true,"strip_right":true}"#, "  ", ""),
        (#"{"type":"Replace","pattern":{"String":"aa"},"content":"b"}"#, "aaaxaa", "baxb"),
        (#"{"type":"Prepend","prepend":"x"}"#, "ab", "xab"),
        (#"{"type":"Prepend","prepend":"x"}"#, "", ""),
        (
            #"{"type":"Sequence","normalizers":[{"type":"NFKD"},{"type":"StripAccents"},"#
                + #"{"type":"Sequence","normalizers":[{"type":"Lowercase"}]}]}"#,
            "\u{C9}\u{FB01}", "efi"
        ),
    ])
    func `normalizers are applied in their order`(json: String, text: String, result: String) throws
    {
        let bytes = try Fixtures.withTemporaryDirectory { directory in
            try Tokenizer().save(to: directory)
            let path = FilePath.join(directory, "tokenizer.json")
            let file = String(decoding: try FileBytes.read(path), as: UTF8.self)
            try AtomicFile.write(
                Array(file.replacing("\"normalizer\": null", with: "\"normalizer\": \(json)").utf8),
                to: path)
            let tokenizer = try Tokenizer(contentsOf: directory)
            #expect(!tokenizer.isLossless)
            try tokenizer.save(to: directory)
            let copy = try Tokenizer(contentsOf: directory)
            #expect(copy.hash == tokenizer.hash, "what is written is what was read")
            var stream = EncodingStream(tokenizer, chunkSize: 1)
            let ids = text.utf8.flatMap { stream.append([$0]) } + stream.finish()
            #expect(ids == tokenizer.encode(text))
            return tokenizer.decode(ids)
        }
        #expect(bytes == Array(result.utf8))
    }

    @Test func `added tokens are normalized as the text is, unless they say no`() throws {
        func ids(_ isNormalized: Bool) throws -> [TokenID] {
            try read(
                file(
                    added:
                        #"[{"id":9,"content":"AB","special":false,"normalized":\#(isNormalized)}]"#,
                    normalizer: #"{"type":"Lowercase"}"#)
            ).encode("aBAB")
        }
        #expect(try ids(true) == [9, 9])
        #expect(try ids(false) == [2, 9])
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
            (file(model: #""type":"Unigram""#), "Unigram"),
            (file(model: #""type":"BPE","continuing_subword_prefix":"@@@@""#), "continuing"),
            (file(normalizer: #"{"type":"Precompiled"}"#), "Precompiled"),
            (file(normalizer: #"{"type":"BertNormalizer"}"#), "BertNormalizer"),
            (
                file(normalizer: #"{"type":"Replace","pattern":{"String":""},"content":"a"}"#),
                "empty pattern"
            ),
            (
                file(normalizer: #"{"type":"Replace","pattern":{"Regex":"a"},"content":""}"#),
                "String"
            ),
            (file(normalizer: #"{"type":"Sequence"}"#), "normalizers"),
            (
                file(
                    normalizer: String(
                        repeating: #"{"type":"Sequence","normalizers":["#, count: 10_000)), "levels"
            ),
            (
                file(
                    preTokenizer:
                        #"{"type":"Split","pattern":{"String":""},"behavior":"Isolated"}"#),
                "Regex"
            ),
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
            (file(vocabulary: #"{"a":0,"a":1,"ab":2}"#), "each token once"),
            (file(vocabulary: #"{"a":0,"b":1,"ab":2,"小":3}"#), "alphabet"),
            (file(vocabulary: "[]"), "vocab as an object"),
            (file(merges: #"["a c"]"#), "tokens of the vocabulary"),
            (file(merges: #"["b a"]"#), "result in the vocabulary"),
            (file(merges: #"["ab"]"#), "two tokens"), (file(merges: #"["a b c"]"#), "a b c"),
            (file(merges: #"[["a"]]"#), "two tokens"), (file(merges: "[7]"), "two tokens"),
            (file(merges: #"["a b","a b"]"#), "again"), (file(merges: "{}"), "merges as an array"),
            (file(added: #"[{"id":9,"content":""}]"#), "content"),
            (
                file(
                    added:
                        #"[{"id":9,"content":"\#(String(repeating: "x", count: 1_000_000))"}]"#),
                "65536"
            ),
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

    @Test
    func `names are read through their escapes, and bytes that are no characters are refused`()
        throws
    {
        let escaped = try read(
            file(
                vocabulary: #"{"\u0061":0,"\u0062":1,"a\u0062":2,"\"":3,"\u0120":4}"#,
                merges: #"[["\u0061","b"]]"#))
        #expect(escaped.encode("ab\" ") == [2, 3, 4])
        for part in [#"{"a":0,"b":1,"ab":2,"~":3}"#, #"{"a":0,"b":1,"ab":2,"~~":3}"#] {
            for bytes: [UInt8] in [
                [0xFF], [0xC4], [0xC4, 0x41], [0xA0], [0xE2, 0x96], [0xC0, 0x80],
            ] {
                let text = Array(file(vocabulary: part).utf8).flatMap { $0 == 0x7E ? bytes : [$0] }
                #expect(throws: FileError.self) {
                    try Fixtures.withTemporaryDirectory { directory in
                        let path = FilePath.join(directory, "tokenizer.json")
                        try AtomicFile.write(text, to: path)
                        return try Tokenizer(contentsOf: path)
                    }
                }
            }
        }
    }

    @Test func `lists that are too long are refused before they are read`() {
        let merges = repeatElement("7", count: 1 << 21 + 1).joined(separator: ",")
        let error = #expect(throws: FileError.self) { try read(file(merges: "[\(merges)]")) }
        #expect(error?.description.contains("at most 2097152 merges, found 2097153") == true)
        let names = (0...1 << 20).lazy.map { "\"\($0)\":7" }.joined(separator: ",")
        let other = #expect(throws: FileError.self) { try read(file(vocabulary: "{\(names)}")) }
        #expect(other?.description.contains("at most 1048576 tokens, found 1048577") == true)
    }

    @Test func `patterns that are not known are refused by what they say`() throws {
        for expression in [#"(a+)+b"#, "(", "(?<=a)b", #"\\p{L}{0,100000}"#, ""] {
            let split =
                #"{"type":"Split","pattern":{"Regex":"\#(expression)"},"behavior":"Isolated"}"#
            let error = #expect(throws: FileError.self) {
                try read(
                    file(
                        preTokenizer: #"{"type":"Sequence","pretokenizers":[\#(split),"#
                            + #"{"type":"ByteLevel","use_regex":false}]}"#))
            }
            #expect(error?.description.contains(expression) == true)
        }
    }

    @Test func `what other programs do beside tokenizing is left to them`() throws {
        let more =
            #"{"truncation":{"max_length":4611686018427387904},"padding":{"length":1099511627776},"#
            + #""post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[X]"}}]},"#
        #expect(try read(more + file().dropFirst()).encode("ab") == [2])
    }

    @Test func `added tokens may be of any kind`() throws {
        let long = String(repeating: "x", count: 1 << 16)
        let tokenizer = try read(
            file(
                vocabulary: #"{"a":0,"b":1,"ab":2,"x":3,"<":4,">":5}"#,
                added: #"[{"id":9,"content":"\u0000"},{"id":10,"content":"\#(long)"},"#
                    + #"{"id":11,"content":"<a>"},{"id":12,"content":"<a>b"},{"id":13,"content":"b<"}]"#
            ))
        #expect(tokenizer.encode("a\0b") == [0, 9, 1])
        #expect(tokenizer.encode("a\(long)b") == [0, 10, 1])
        #expect(tokenizer.encode(String(long.dropLast())).count == 65_535)
        #expect(
            tokenizer.encode("<a><a>b") == [11, 12], "the longest of those that begin together")
        #expect(tokenizer.encode("b<a>") == [13, 0, 5], "the leftmost")
    }

    /// Against looking at every token at every place.
    @Test func `of added tokens the leftmost is found, of those the longest`() throws {
        var random = SeededRandom(seed: 3)
        func word(_ longest: Int) -> [UInt8] {
            (0..<random.below(longest)).map { _ in UInt8(0x79 + random.below(2)) }
        }
        for _ in 0..<100 {
            let contents = Set((0..<1 + random.below(30)).map { _ in word(9) }).filter {
                $0.count > 1
            }.map { String(decoding: $0, as: UTF8.self) }
            let added = contents.enumerated().map {
                #"{"id":\#(5 + $0),"content":"\#($1)","special":\#($0 % 3 == 0)}"#
            }
            let tokenizer = try read(
                file(
                    vocabulary: #"{"a":0,"b":1,"ab":2,"y":3,"z":4}"#,
                    added: "[\(added.joined(separator: ","))]"))
            for _ in 0..<10 {
                let text = word(60)
                var expected: [TokenID] = []
                var rest = text[...]
                while let first = rest.first {
                    let found = contents.indices.filter {
                        $0 % 3 != 0 && rest.starts(with: contents[$0].utf8)
                    }.max { contents[$0].count < contents[$1].count }
                    expected.append(found.map { TokenID(5 + $0) } ?? TokenID(first) - 0x76)
                    rest = rest.dropFirst(found.map { contents[$0].count } ?? 1)
                }
                #expect(tokenizer.encode(text) == expected)
            }
        }
    }

    @Test func `a file that is too large is refused unread`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "tokenizer.json")
            try AtomicFile.write([0x7B], to: path)
            #expect(unsafe truncate(path, 300 << 20) == 0)
            let start = Machine.now()
            let error = #expect(throws: FileError.self) { try Tokenizer(contentsOf: path) }
            #expect(error?.description.contains("bytes") == true)
            #expect(Machine.now() - start < 30)
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
