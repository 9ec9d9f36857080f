import Testing

/// One odd safetensors file: what is odd, its bytes, and a word that the error must have.
struct Malformed: Sendable, CustomTestStringConvertible {
    let what: String
    let bytes: [UInt8]
    let mention: String

    var testDescription: String { what }

    init(_ what: String, _ bytes: [UInt8], mention: String = "expected") {
        self.what = what
        self.bytes = bytes
        self.mention = mention
    }

    /// Header size, header, data.
    static func file(_ header: some StringProtocol, data: [UInt8] = []) -> [UInt8] {
        number(UInt64(header.utf8.count)) + Array(header.utf8) + data
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    private static func tensor(
        _ dtype: String = "\"F32\"", _ shape: String = "[2]", _ offsets: String = "[0,8]"
    ) -> String { #"{"dtype":\#(dtype),"shape":\#(shape),"data_offsets":\#(offsets)}"# }

    private static func one(
        _ what: String, dtype: String = "\"F32\"", shape: String = "[2]", offsets: String = "[0,8]",
        data: Int = 8, mention: String = "tensor w"
    ) -> Malformed {
        Malformed(
            what, file("{\"w\":\(tensor(dtype, shape, offsets))}", data: zeros(data)),
            mention: mention)
    }

    static let accepted: [Malformed] = [
        Malformed("no tensor", file("{}")),
        Malformed("space before the header", file("  {\"w\":\(tensor())}", data: zeros(8))),
        Malformed(
            "white space after the header", file("{\"w\":\(tensor())}\r \t\n", data: zeros(8))),
        Malformed(
            "names that only normalization makes equal",
            file(
                "{\"\u{E9}\":\(tensor()),\"e\u{301}\":\(tensor("\"F32\"", "[2]", "[8,16]"))}",
                data: zeros(16))),
        Malformed(
            "size zero and rank zero",
            file(
                "{\"z\":\(tensor("\"F32\"", "[2,0]", "[0,0]")),\"s\":\(tensor("\"F32\"", "[]", "[0,4]"))}",
                data: zeros(4))),
        Malformed(
            "data in another order than the header",
            file("{\"b\":\(tensor("\"I64\"", "[1]", "[8,16]")),\"a\":\(tensor())}", data: zeros(16))
        ),
        Malformed(
            "two numbers of four bits",
            file("{\"w\":\(tensor("\"F4\"", "[2]", "[0,1]"))}", data: zeros(1))),
        Malformed(
            "NaN and infinity",
            file("{\"w\":\(tensor())}", data: [0, 0, 0xC0, 0x7F, 0, 0, 0x80, 0x7F])),
    ]

    static let refused: [Malformed] = [
        Malformed("empty", [], mention: "8 bytes"),
        Malformed("seven bytes", zeros(7), mention: "8 bytes"),
        Malformed("header of no bytes", number(0)),
        Malformed("header of one brace", file("{")),
        Malformed("header that is no UTF-8", number(1) + [0xFF]),
        Malformed("header longer than the file", number(3) + Array("{}".utf8), mention: "header"),
        Malformed("header of 2^63 bytes", number(1 << 63) + zeros(16), mention: "header"),
        Malformed("header of 2^64-1 bytes", number(.max) + zeros(16), mention: "header"),
        Malformed(
            "header of 100,000,001 bytes", number(100_000_001) + zeros(16), mention: "100000000"),
        Malformed("header is an array", file("[]"), mention: "an array"),
        Malformed("header is null", file("null"), mention: "null"),
        Malformed("bytes after the object", file("{}x")),
        Malformed("NUL after the object", file("{}\0")),
        Malformed("NUL in a name", file("{\"\0\":\(tensor())}", data: zeros(8))),
        Malformed("byte order mark", file("\u{FEFF}{}")),
        Malformed(
            "a name twice",
            file(
                "{\"w\":\(tensor()),\"w\":\(tensor("\"F32\"", "[2]", "[8,16]"))}", data: zeros(16)),
            mention: "each key once"),
        Malformed(
            "a name twice, once escaped",
            file(
                "{\"w\":\(tensor()),\"\\u0077\":\(tensor("\"F32\"", "[2]", "[8,16]"))}",
                data: zeros(16)), mention: "each key once"),
        Malformed(
            "dtype twice",
            file(
                #"{"w":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}"#,
                data: zeros(8)), mention: "each key once"),
        Malformed("metadata is a number", file(#"{"__metadata__":1}"#), mention: "__metadata__"),
        Malformed("metadata is null", file(#"{"__metadata__":null}"#), mention: "__metadata__"),
        Malformed(
            "metadata is nested", file(#"{"__metadata__":{"a":{}}}"#), mention: "__metadata__.a"),
        one("unknown dtype", dtype: "\"F99\"", mention: "\"F99\""),
        one("dtype is a number", dtype: "32"),
        one("dtype of Swift's canonical twin", dtype: "\"F32\u{301}\""),
        one("sizes beyond 64 bits", shape: "[2,18446744073709551614]"),
        one("sizes whose product overflows", shape: "[2,9223372036854775807]", mention: "2^63"),
        one("sizes whose product overflows to a small one", shape: "[4294967296,4294967296]"),
        one("negative size", shape: "[-1]"),
        one("fractional size", shape: "[2.0]"),
        one("size with exponent", shape: "[2e0]"),
        one("size is a string", shape: "[\"2\"]"),
        one("shape is a number", shape: "2"),
        one(
            "10,000 dimensions",
            shape: "[" + [String](repeating: "1", count: 10000).joined(separator: ",") + "]",
            mention: "10000"),
        one("one offset", offsets: "[0]"),
        one("three offsets", offsets: "[0,4,8]"),
        one("negative offset", offsets: "[-8,0]"),
        one("offsets backwards", offsets: "[8,0]"),
        one("offset near 2^63", offsets: "[9223372036854775799,9223372036854775807]"),
        one("end beyond the file", data: 7),
        one("two bytes missing", shape: "[4]", offsets: "[0,16]", data: 14),
        one("hole at the start", offsets: "[8,16]", data: 16),
        one("bytes after the last tensor", data: 9, mention: "1 more bytes"),
        one("size and span disagree", shape: "[2,2]"),
        one("half a byte", dtype: "\"F4\"", shape: "[3]", offsets: "[0,1]", mention: "whole bytes"),
        Malformed("a tensor is a string", file(#"{"w":"F32"}"#), mention: "tensor w"),
        Malformed("a tensor without shape", file(#"{"w":{"dtype":"F32","data_offsets":[0,0]}}"#)),
        Malformed(
            "a tensor with one key more",
            file(#"{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}}"#), mention: "\"x\""
        ),
        Malformed(
            "overlap", file("{\"a\":\(tensor()),\"b\":\(tensor())}", data: zeros(8)),
            mention: "tensor"),
        Malformed(
            "hole between tensors",
            file(
                "{\"a\":\(tensor()),\"b\":\(tensor("\"F32\"", "[2]", "[12,20]"))}", data: zeros(20)),
            mention: "tensor b"),
        Malformed(
            "20,000 tensors over one span",
            file(
                "{" + (0..<20000).map { "\"\($0)\":\(tensor())" }.joined(separator: ",") + "}",
                data: zeros(8))),
        Malformed(
            "100,000 brackets", file(String(repeating: "[", count: 100_000)), mention: "64 levels"),
        Malformed("half a surrogate pair in a name", file(#"{"\ud800":{}}"#), mention: "surrogate"),
        Malformed("zip archive", Array("PK\u{3}\u{4}".utf8) + zeros(60)),
        Malformed("GGUF", Array("GGUF".utf8) + number(3) + zeros(52)),
        Malformed(
            "a name that would clear the terminal", file(#"{"\u001b[2J\n":{}}"#),
            mention: #"\u{1b}[2J"#),
    ]
}
