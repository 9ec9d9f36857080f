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
    ])
    func `malformed text is an error, not a trap`(_ text: String) {
        #expect(throws: FileError.self) { try JSONReader.parse(Array(text.utf8), path: "test") }
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
