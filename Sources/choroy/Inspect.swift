import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell what an n-gram file or the index of a text is.",
        discussion: """
            With --verify every byte of a .ngram file or an index is compared with its hash; opening looks \
            at the header and the vocabulary only. An ARPA file is always read whole.

            Example: choroy inspect book.ngram --verify
            """)

    @Argument(help: "An ARPA or .ngram file, or an index that choroy index has made.")
    var path: String

    @Flag(help: "Read all of the file and compare it with its hashes.")
    var verify = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        if try LoadedModel.isIndex(path) { return try inspectIndex() }
        let size: Int
        let form: String
        let unit: NGramVocabulary.Unit
        let counts: [Int]
        let vocabularySize: Int
        if try LoadedModel.isNGramFile(path) {
            let facts = try NGramFile.facts(path)
            (size, unit, counts) = (facts.size, facts.unit, facts.counts)
            (form, vocabularySize) = ("\(facts.layout.rawValue) layout", facts.vocabularySize)
            if verify { try NGramFile.verify(path) }
        } else {
            let (model, vocabulary, _) = try LoadedModel.ngram(path)
            size = try RandomAccessFile(path: path).size
            (form, unit, counts) = ("ARPA", vocabulary.unit, model.counts)
            vocabularySize = model.vocabularySize
        }
        if json {
            print(
                JSONWriter.string(
                    .object(
                        JSONObject([
                            ("path", .string(path)), ("kind", .string("n-gram")),
                            ("format", .string(form)), ("order", .integer(counts.count)),
                            ("ngrams", .array(counts.map { .integer($0) })),
                            ("unit", .string(unit.rawValue)),
                            ("vocabulary_size", .integer(vocabularySize)),
                            ("bytes", .integer(size)), ("verified", .bool(verify)),
                        ]))))
            return
        }
        print("\(path): n-gram model of \(unit.rawValue)s, order \(counts.count), \(form)")
        for (level, count) in counts.enumerated() {
            print("  \(level + 1)-grams  \(Figures.grouped(count))")
        }
        print("  vocabulary \(Figures.grouped(vocabularySize)), \(Figures.megabytes(size))")
        if verify { print("  every section has its hash") }
    }
}
