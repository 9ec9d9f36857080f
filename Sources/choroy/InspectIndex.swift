import ChoroyModel
import ChoroySystem
import ChoroyText

extension Inspect {
    /// The same for the index of a text.
    func inspectIndex() throws {
        let index = try TextIndex(path: path)
        if verify { try index.verify() }
        let unit = index.vocabulary.unit.rawValue
        let size = FilePath.size(of: path) ?? 0
        if json {
            print(
                JSONWriter.string(
                    .object(
                        JSONObject([
                            ("path", .string(path)), ("kind", .string("index")),
                            ("unit", .string(unit)), ("tokens", .integer(index.count)),
                            ("documents", .integer(index.documentCount)),
                            ("files", .array(index.files.map { .string($0) })),
                            ("vocabulary_size", .integer(index.vocabulary.vocabularySize)),
                            ("tokenizer_hash", index.tokenizerHash.map { .string($0) } ?? .null),
                            ("bytes", .integer(size)), ("verified", .bool(verify)),
                        ]))))
            return
        }
        print("\(path): index of \(Figures.grouped(index.count)) \(unit)s")
        print(
            "  \(Figures.grouped(index.documentCount)) document\(index.documentCount == 1 ? "" : "s") of "
                + TerminalText.visible(index.files.prefix(5).joined(separator: ", "))
                + (index.files.count > 5 ? " and \(index.files.count - 5) more files" : ""))
        print(
            "  vocabulary \(Figures.grouped(index.vocabulary.vocabularySize)), "
                + Figures.megabytes(size))
        if verify { print("  every section has its hash") }
    }
}
