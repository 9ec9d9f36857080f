import ChoroySystem

/// `tokenizer.json` and `tokenizer_config.json` in Hugging Face's form.
enum TokenizerFile {
    static func read(_ path: String) throws -> Tokenizer {
        let root = try JSONReader.parse(try FileBytes.read(path, limit: 1 << 28), path: path)
        guard let added = root["added_tokens"]?.array else {
            throw FileError(path, expected: "added_tokens", found: "none")
        }
        return Tokenizer(bytesAnd: added.compactMap { $0["content"]?.string })
    }

    static func write(_ tokenizer: Tokenizer, to directory: String) throws {
        try FilePath.createDirectory(directory)
        let added = tokenizer.specialTokens.map { token in
            JSONValue.object(
                JSONObject([
                    ("id", .integer(Int(token.id))), ("content", .string(token.content)),
                    ("special", .bool(true)),
                ]))
        }
        let root = JSONValue.object(JSONObject([("added_tokens", .array(added))]))
        try AtomicFile.write(
            JSONWriter.bytes(root, indentation: 2),
            to: FilePath.join(directory, "tokenizer.json"))
    }
}
