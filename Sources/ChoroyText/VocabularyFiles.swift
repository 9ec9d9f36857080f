import ChoroySystem

/// A tokenizer as two files: `vocab.json`, from names to ids, and `merges.txt`, a merge a line. OpenAI
/// called them `encoder.json` and `vocab.bpe`.
///
/// They name neither the pattern, which is GPT-2's unless another is given, nor the special tokens:
/// names such as `<|endoftext|>` that no merge makes.
enum VocabularyFiles {
    private static let pairs = [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")]

    /// The two files that `path` names, one of them or their directory; nil when it names none.
    static func find(_ path: String) -> (vocabulary: String, merges: String)? {
        let isDirectory = FilePath.kind(of: path) == .directory
        let folder = isDirectory ? path : FilePath.directory(of: path)
        for (vocabulary, merges) in pairs {
            guard isDirectory || [vocabulary, merges].contains(FilePath.name(of: path)) else {
                continue
            }
            let found = (FilePath.join(folder, vocabulary), FilePath.join(folder, merges))
            if FilePath.kind(of: found.0) == .file || !isDirectory { return found }
        }
        return nil
    }

    /// - Throws: `FileError` for files that are missing, damaged or do not belong together.
    static func read(
        _ files: (vocabulary: String, merges: String), pattern: PreTokenizer.Pattern?
    ) throws -> Tokenizer {
        let vocabulary = try JSONReader.source(
            try FileBytes.read(files.vocabulary, limit: 1 << 28), path: files.vocabulary)
        guard vocabulary.isObject else {
            throw FileError(
                files.vocabulary, expected: "an object of names and ids", found: vocabulary.kind)
        }
        let merges = try readMerges(files.merges)
        let made = Set(
            (0..<merges.count).lazy.map { merges[$0].filter { $0 != 32 } }
                .filter { $0.starts(with: "<|".utf8) })
        var added: [JSONValue] = []
        try vocabulary.forEachMember { name, reader in
            let id = try reader.value()
            guard name.starts(with: "<|".utf8), name.suffix(2).elementsEqual("|>".utf8),
                name.count > 4, !made.contains(Array(name)),
                let content = String(validating: name, as: UTF8.self)
            else { return }
            added.append(
                .object(
                    JSONObject([
                        ("id", id), ("content", .string(content)), ("special", .bool(true)),
                    ])))
        }
        let root = JSONObject([
            ("added_tokens", .array(added)),
            ("pre_tokenizer", TokenizerFile.preTokenizer(pattern ?? .gpt2)),
            ("decoder", TokenizerFile.byteLevel(usesPattern: true)),
            (
                "model",
                .object(
                    JSONObject([
                        ("type", .string("BPE")), ("vocab", .source(vocabulary)),
                    ]))
            ),
        ])
        return try TokenizerFileReader(
            path: "\(files.vocabulary) and \(FilePath.name(of: files.merges))", root: root,
            merges: merges
        ).tokenizer()
    }

    /// The lines of the file that are merges.
    private static func readMerges(_ path: String) throws -> ByteStrings {
        let bytes = try FileBytes.read(path, limit: 1 << 28)
        var merges = ByteStrings()
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = line.last == 13 ? line.dropLast() : line
            if line.isEmpty || index == 0 && line.starts(with: "#version".utf8) { continue }
            guard line.split(separator: 32, omittingEmptySubsequences: false).count == 2 else {
                throw FileError(
                    path, at: "line \(index + 1)", expected: "two tokens with a space between",
                    found: String(decoding: line.prefix(60), as: UTF8.self).debugDescription)
            }
            merges.append(line)
        }
        return merges
    }
}
