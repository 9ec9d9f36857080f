import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import TestSupport
import Testing

@Suite struct `Text index files` {
    private static let text = "the cat sat on the mat.\nthe dog sat on the cat!\nno dog ate\n"
    /// Where the table of sections and the header's hash are, as the format says.
    private static let (table, hash, sections) = (100, 268, 7)

    /// Calls `body` with the bytes of an index and a function that opens changed ones and asks them all
    /// there is to ask.
    private func withFile(
        _ unit: NGramVocabulary.Unit = .word,
        _ body: (_ bytes: [UInt8], _ use: ([UInt8]) throws -> Void) throws -> Void
    ) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let (source, path) = (
                FilePath.join(directory, "t.txt"), FilePath.join(directory, "t.index")
            )
            try AtomicFile.write(Array(Self.text.utf8), to: source)
            try TextIndexWriter.write(
                IndexedText(
                    at: [source, source], unit: unit,
                    tokenizer: unit == .token ? Tokenizer() : nil), to: path)
            try body(FileBytes.read(path)) { bytes in
                try AtomicFile.write(bytes, to: path)
                try Self.use(try TextIndex(path: path))
            }
        }
    }

    private static func use(_ index: TextIndex) throws {
        let model = InfiniGram(index)
        let tokens = index.vocabulary.encode("the dog sat on the mat. ate\n")
        var states = [model.initialState()]
        _ = model.logits([tokens], states: &states, at: .all)
        states[0].truncate(to: 3)
        _ = model.logProbabilities([tokens], states: &states)
        _ = index.followers(of: [tokens[0]])
        _ = index.followers(of: [])
        for span in index.verbatimSpans(in: tokens) {
            _ = try index.occurrences(of: span, in: tokens, limit: 5)
        }
    }

    private func number(_ bytes: [UInt8], _ place: Int) -> Int {
        bytes[place..<place + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private func put(_ value: UInt64, _ bytes: inout [UInt8], _ place: Int) {
        for index in 0..<8 {
            bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }

    /// The file with hashes that agree with what is in it, as one who means harm would write it.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for section in 0..<Self.sections {
            let place = Self.table + 24 * section
            let (start, size) = (number(bytes, place), number(bytes, place + 8))
            guard start >= 0, size >= 0, start <= bytes.count, size <= bytes.count - start else {
                continue
            }
            put(XXHash64.value(Array(bytes[start..<start + size])), &bytes, place + 16)
        }
        put(XXHash64.value(Array(bytes[..<Self.hash])), &bytes, Self.hash)
        return bytes
    }

    @Test(arguments: NGramVocabulary.Unit.allCases)
    func `a file that was left alone is whole`(_ unit: NGramVocabulary.Unit) throws {
        try withFile(unit) { bytes, use in
            try use(bytes)
            #expect(sealed(bytes) == bytes)
        }
    }

    @Test func `a file cut anywhere is refused`() throws {
        try withFile { bytes, use in
            var cuts = Set(0...300)
            for section in 0..<Self.sections {
                let start = number(bytes, Self.table + 24 * section)
                let end = start + number(bytes, Self.table + 24 * section + 8)
                cuts.formUnion([start - 1, start, start + 1, end - 1])
            }
            for cut in cuts where cut < bytes.count {
                #expect(throws: FileError.self) { try use(Array(bytes[..<cut])) }
            }
            #expect(throws: FileError.self) { try use(bytes + [0]) }
        }
    }

    @Test func `a flipped bit is found, in small sections at once`() throws {
        try withFile { bytes, use in
            var random = SeededRandom(seed: 7)
            let ranges = (0..<Self.sections).map { section in
                let start = number(bytes, Self.table + 24 * section)
                return start..<start + number(bytes, Self.table + 24 * section + 8)
            }
            for _ in 0..<500 {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                // Between sections nothing is read.
                guard place < Self.hash + 8 || ranges.contains(where: { $0.contains(place) }) else {
                    continue
                }
                var changed = bytes
                changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                #expect(throws: FileError.self, "byte \(place)") { try use(changed) }
            }
        }
    }

    @Test(arguments: NGramVocabulary.Unit.allCases)
    func `no change traps, even when all hashes agree with it`(_ unit: NGramVocabulary.Unit) throws
    {
        try withFile(unit) { bytes, use in
            var random = SeededRandom(seed: 8)
            var opened = 0
            // A tokenizer takes longer to read; what may be wrong in it has tests of its own.
            let start = unit == .token ? number(bytes, Self.table + 24) : 8
            for _ in 0..<(unit == .token ? 50 : 500) {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let isHeader = Int.random(in: 0..<3, using: &random) == 0
                    let place =
                        isHeader
                        ? Int.random(in: 8..<Self.hash, using: &random)
                        : Int.random(in: start..<bytes.count, using: &random)
                    changed[place] = UInt8.random(in: 0...255, using: &random)
                }
                do {
                    try use(sealed(changed))
                    opened += 1
                } catch is FileError {}
            }
            #expect(opened > 10)
        }
    }

    @Test func `every suffix and every start out of range is survived`() throws {
        try withFile { bytes, use in
            for section in 2..<Self.sections {
                let start = number(bytes, Self.table + 24 * section)
                let size = number(bytes, Self.table + 24 * section + 8)
                for fill in [0, 0x7F, 0xFF] as [UInt8] {
                    var changed = bytes
                    for place in start..<start + size { changed[place] = fill }
                    do { try use(sealed(changed)) } catch is FileError {}
                }
            }
        }
    }

    @Test func `messages say where, what was expected and what was found`() throws {
        try withFile { bytes, use in
            func message(_ bytes: [UInt8]) -> String {
                do {
                    try use(bytes)
                    return "none"
                } catch { return "\(error)" }
            }
            #expect(message(Array("text".utf8)).contains("byte 0: expected a text index"))
            var other = bytes
            other[8] = 9
            #expect(message(other).contains("version: expected 1, found 9"))
            #expect(message(Array(bytes.dropLast(9))).contains("section suffixes"))
            other = bytes
            other[number(bytes, Self.table) + 5] ^= 1
            #expect(message(other).contains("section vocabulary, from byte"))
        }
    }

    @Test func `another tokenizer inside is said`() throws {
        try withFile(.token) { bytes, use in
            // As large as the true one, with other tokens: "a" and "b" change places.
            let start = number(bytes, Self.table)
            let size = number(bytes, Self.table + 8)
            var changed = bytes
            let letters = try #require(
                (start..<start + size - 4).first {
                    bytes[$0..<$0 + 4].elementsEqual("abcd".utf8)
                })
            changed.swapAt(letters, letters + 1)
            try Fixtures.withTemporaryDirectory { directory in
                let path = FilePath.join(directory, "t.index")
                try AtomicFile.write(sealed(changed), to: path)
                let index = try TextIndex(path: path)
                let error = #expect(throws: FileError.self) { try index.verify() }
                #expect(error?.expected.contains("the tokenizer with the hash") == true)
            }
        }
    }
}
