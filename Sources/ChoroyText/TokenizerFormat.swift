import ChoroySystem

/// The kinds of file that hold a tokenizer, told apart by what they begin with, else by their names.
enum TokenizerFormat {
    case json, tiktoken, gguf
    /// A SentencePiece `.model`, which is not read.
    case sentencePiece

    /// - Throws: `FileError` when the file cannot be read.
    init(of path: String) throws {
        let start = try FileBytes.start(of: path, count: 512)
        if start.starts(with: "GGUF".utf8) {
            self = .gguf
        } else if start.first(where: { $0 > 32 }) == UInt8(ascii: "{") {
            self = .json
        } else if Self.isTiktoken(start) {
            self = .tiktoken
        } else if path.hasSuffix(".tiktoken") {
            self = .tiktoken
        } else if path.hasSuffix(".gguf") {
            self = .gguf
        } else if path.hasSuffix(".model") {
            self = .sentencePiece
        } else {
            self = .json
        }
    }

    /// Whether the first line is Base64, a space and a number.
    private static func isTiktoken(_ start: [UInt8]) -> Bool {
        let parts = start.prefix { $0 != 10 }.split(separator: 32, omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && parts[0].count % 4 == 0
            && parts[0].allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "+/=".utf8.contains(byte)
            }
            && parts[1].prefix { $0 != 13 }.allSatisfy { (48...57).contains($0) }
            && parts[1].first.map { (48...57).contains($0) } == true
    }
}
