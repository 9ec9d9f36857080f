import ChoroySystem
import Testing

@Suite struct `Strict JSON` {
    @Test func `what is written is read back, in order`() throws {
        let text = #"{"b":1,"a":[true,null,-2.5,"x\ny\u0001\"\\é😉"],"c":{}}"#
        let value = try JSONReader.parse(Array(text.utf8), path: "test")
        #expect(JSONWriter.string(value) == text)
        let pretty = JSONWriter.bytes(value, indentation: 2)
        #expect(try JSONReader.parse(pretty, path: "test") == value)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.", "-", "\"\\ud800\"", "\"\\x\"", "nul",
        "1 2", "\"a", "[\"\u{1}\"]", "1e999", "\"\\u+123\"",
        "[", "[1", "[1,,2]", "[,1]", "[1 2]", "[1}", "]", "[]]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{:1}",
        "{1:1}", "{a:1}", "{'a':1}", "{\"a\":1 \"b\":2}", "{\"a\"::1}", "{\"a\":1]", "}", "{}}",
        "+1", ".1", "-01",
        "1e", "1e+", "1E-", "1.e1", "0x1", "1a", "--1", "- 1", "1_000", "NaN", "Infinity",
        "-Infinity",
        "9223372036854775808e999", "True", "nulll", "true1", "\"\\u12\"", "\"\\uZZZZ\"", "\"\\\"",
        "\"\\a\"",
        "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\t\"", "\"\n\"", "\u{FEFF}1", "/**/1", "1//",
        "[1];", "\u{B}1", "\u{A0}1",
    ])
    func `malformed text is an error, not a trap`(_ text: String) {
        #expect(throws: FileError.self) { try JSONReader.parse(Array(text.utf8), path: "test") }
    }

    @Test(arguments: [
        ("0", 0.0), ("-0", 0), ("1e1", 10), ("1E+2", 100), ("-1.5e-1", -0.15),
        ("123456789012345678", 123_456_789_012_345_680),
        ("9223372036854775807", 0x1p63),
        ("-9223372036854775808", -9223372036854775808),
        ("9223372036854775808", 0x1p63), (" \t\r\n7 \n", 7), ("1e-400", 0),
    ])
    func `numbers are what they spell`(_ text: String, _ value: Double) throws {
        #expect(try JSONReader.parse(Array(text.utf8), path: "test").double == value)
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82],
        ] as [[UInt8]])
    func `strings that are no UTF-8 are refused`(_ bytes: [UInt8]) {
        #expect(throws: FileError.self) {
            try JSONReader.parse([0x22] + bytes + [0x22], path: "test")
        }
    }

    /// What is left in the file gives the same values when it is read.
    @Test func `a value that is left in its file is read from there`() throws {
        let text = Array(
            #"{"m":{"v":{"a":1,"\n":[2,"x"]},"k":[["a","b"],"c",3]},"v":{"z":0}}"#.utf8)
        let whole = try JSONReader.parse(text, path: "test")
        let value = try JSONReader.parse(text[...], path: "test", leaving: ["v", "k"])
        #expect(
            JSONWriter.string(value["m"] ?? .null)
                == #"{"v":{"a":1,"\n":[2,"x"]},"k":[["a","b"],"c",3]}"#)
        #expect(value["v"] == whole["v"], "only in objects in the root")
        let members = try #require(value["m"]?["v"]?.source)
        #expect(members.isObject && members.count == 2)
        var read = JSONObject()
        try members.forEachMember {
            read.append(String(decoding: $0, as: UTF8.self), try $1.value())
        }
        #expect(JSONValue.object(read) == whole["m"]?["v"])
        let list = try #require(value["m"]?["k"]?.source)
        #expect(list.isArray && list.count == 3 && list.kind == "an array")
        var elements: [JSONValue] = []
        try list.forEachElement { elements.append(try $0.value()) }
        #expect(JSONValue.array(elements) == whole["m"]?["k"])
        for bad in [#"{"m":{"v":{"a":1,}}}"#, #"{"m":{"v":[1 2]}}"#, #"{"m":{"v":{"a":"\x"}}}"#] {
            #expect(throws: FileError.self) {
                try JSONReader.parse(Array(bad.utf8)[...], path: "test", leaving: ["v"])
            }
        }
    }

    @Test func `deep nesting is refused`() {
        let text = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(throws: FileError.self) { try JSONReader.parse(text, path: "test") }
    }

    @Test func `keys that differ only in normalization are different keys`() throws {
        let value = try JSONReader.parse(
            Array("{\"\u{e9}\":1,\"e\u{301}\":2}".utf8), path: "test")
        #expect(value.object?.members.count == 2)
        #expect(value["e\u{301}"]?.integer == 2)
    }
}
