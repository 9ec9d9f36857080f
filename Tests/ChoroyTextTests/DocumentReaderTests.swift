import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Reading documents piece by piece` {
    static func documents(_ name: String, _ bytes: [UInt8], field: String? = nil) throws -> [String]
    {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, name)
            try AtomicFile.write(bytes, to: path)
            var documents: [[UInt8]] = []
            var document: [UInt8] = []
            try DocumentReader.read(TextFile(path, textField: field)) { event in
                switch event {
                case .bytes(let bytes): document += bytes
                case .end:
                    documents.append(document)
                    document = []
                }
            }
            #expect(document.isEmpty)
            return documents.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// A gzip member with its text stored, not compressed: RFC 1952 around RFC 1951, 3.2.4.
    static func member(_ text: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
        var start = 0
        repeat {
            let count = min(65535, text.count - start)
            bytes.append(start + count == text.count ? 1 : 0)
            for number in [count, count ^ 0xFFFF] {
                bytes += [UInt8(number & 255), UInt8(number >> 8)]
            }
            bytes += text[start..<start + count]
            start += count
        } while start < text.count
        for number in [crc(text), UInt32(text.count)] {
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        return bytes
    }

    static func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }

    @Test(arguments: [0, 1, 12, 13, 14, 15, 255])
    func `a separator is found wherever a piece of the file ends`(shift: Int) throws {
        // Pieces have 256 KB.
        let lead = String(repeating: "x", count: 1 << 18 - shift - 1) + "\n"
        for (end, expected) in [
            ("<|endoftext|>\nb", [lead, "b"]), ("<|endoftext|>\r\nb", [lead, "b"]),
            ("<|endoftext|>", [lead]), ("<|endoftext|>b", [lead + "<|endoftext|>b"]),
            ("<|endoftext|", [lead + "<|endoftext|"]),
            ("<|endoftext|>\r\r\nb", [lead + "<|endoftext|>\r\r\nb"]),
            (" <|endoftext|>\nb", [lead + " <|endoftext|>\nb"]),
        ] {
            #expect(try Self.documents("t", Array((lead + end).utf8)) == expected)
            #expect(
                Corpus(Array((lead + end).utf8)).documents.map(Array.init).map {
                    String(decoding: $0, as: UTF8.self)
                } == expected)
        }
    }

    @Test func `gzip is known by its content, in one member or several`() throws {
        let text = String(repeating: "a line\n", count: 100_000) + "<|endoftext|>\n"
        let (first, second) = (Self.member(Array(text.utf8)), Self.member(Array("end".utf8)))
        let expected = [String(text.dropLast(14)), "end"]
        #expect(try Self.documents("t.txt", first + second) == expected)
        #expect(try Self.documents("t.gz", first + second + [0, 0, 0]) == expected)
        #expect(try Self.documents("t.gz", Array("plain".utf8)) == ["plain"])
        #expect(try Self.documents("t.gz", first + Self.member([]) + second) == expected)
    }

    @Test func `damaged gzip is an error with its place`() throws {
        let whole = Self.member(Array(String(repeating: "a line\n", count: 50_000).utf8))
        for count in [3, 9, 10, 11, 70_000, whole.count - 8, whole.count - 1] {
            let error = #expect(throws: FileError.self) {
                try Self.documents("t.gz", Array(whole[..<count]))
            }
            #expect(error?.expected == "the rest of the gzip data" && error?.place != nil)
        }
        for (place, value) in [(whole.count - 6, 7), (2, 9), (11, 0)] as [(Int, UInt8)] {
            var bytes = whole
            bytes[place] ^= value | 1
            #expect(throws: FileError.self) { try Self.documents("t.gz", bytes) }
        }
        let error = #expect(throws: FileError.self) {
            try Self.documents("t.gz", whole + [0, 1])
        }
        #expect(error?.found == "other bytes behind the end")
    }

    @Test func `each line of JSON is a document, compressed or not`() throws {
        let lines =
            #"{"text":"a\n<|endoftext|>\nb","id":1}"# + "\n\n \r\n"
            + #"{"id":2,"text":""}"# + "\n" + #"{"text":"é"}"#
        let expected = ["a\n<|endoftext|>\nb", "é"]
        for name in ["t.jsonl", "t.ndjson", "T.JSONL"] {
            #expect(try Self.documents(name, Array(lines.utf8)) == expected)
        }
        #expect(try Self.documents("t.jsonl.gz", Self.member(Array(lines.utf8))) == expected)
        #expect(
            try Self.documents("t.jsonl", Array(#"{"story":"x"}"#.utf8), field: "story") == ["x"])
        #expect(try Self.documents("t.json", Array(#"{"text":"x"}"#.utf8)) == [#"{"text":"x"}"#])
    }

    @Test(arguments: [
        (#"{"text":"a"}"# + "\n{", "line 2, byte 1"), (#"["text"]"#, "line 1"),
        (#"{"text":"a"}"# + "\n\n" + #"{"txt":"a"}"#, "line 3"), (#"{"text":7}"#, "line 1"),
        (#"{"text":"a"} {"text":"b"}"#, "line 1, byte 13"),
    ])
    func `a malformed line is an error with file and line`(text: String, place: String) throws {
        let error = #expect(throws: FileError.self) {
            try Self.documents("t.jsonl", Array(text.utf8))
        }
        #expect(error?.place == place)
        #expect(error?.path.hasSuffix("t.jsonl") == true)
    }
}
