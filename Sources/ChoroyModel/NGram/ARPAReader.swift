import ChoroySystem
public import ChoroyText

/// Reads n-gram models in the ARPA format.
///
/// A file of ours says in a line before `\data\` what its words stand for (`ARPAHeader`); any other
/// file is a model of words. A missing back-off weight is 0, a missing `<unk>` has the probability
/// 10^-100. Logarithms are of base 10.
public struct ARPAReader {
    /// The tokenizer that a model of tokens belongs to, given the hash in the header.
    public typealias TokenizerSource = (_ hash: String?) throws -> any TextEncoding

    private var lines: ARPALines
    private var counts: [Int] = []

    /// Whether `bytes` begin like an ARPA file: blank lines, lines that begin with `#`, then `\data\`.
    public static func recognizes(_ bytes: [UInt8]) -> Bool {
        var lines = ARPALines(bytes, path: "")
        while lines.nextFilled() {
            if bytes[lines.line.lowerBound] != UInt8(ascii: "#") { return lines.isLine("\\data\\") }
        }
        return false
    }

    /// The model in a file and what its numbers stand for.
    ///
    /// - Parameter progress: Called while n-grams are read.
    /// - Throws: `FileError` with the line where the file is malformed, and what `tokenizer` throws.
    public static func read(
        _ bytes: [UInt8], path: String, progress: NGramStage.Progress = { _, _, _ in },
        tokenizer: TokenizerSource
    ) throws -> (NGramModel, NGramVocabulary) {
        var reader = ARPAReader(lines: ARPALines(bytes, path: path))
        return try reader.read(tokenizer, progress)
    }

    private init(lines: ARPALines) { self.lines = lines }

    private mutating func read(
        _ tokenizer: TokenizerSource, _ progress: NGramStage.Progress
    ) throws -> (NGramModel, NGramVocabulary) {
        var header = ARPAHeader(unit: .word, tokenizerHash: nil)
        repeat {
            guard lines.next() else { throw lines.error(expected: "a line \\data\\") }
            if let found = ARPAHeader(line: lines.bytes[lines.line]) { header = found }
        } while !lines.isLine("\\data\\")
        try readCounts()

        let unigrams = try readUnigrams()
        let vocabulary = try vocabulary(header, unigrams, tokenizer)
        var words = vocabulary.arpaWords()
        let hasStart = vocabulary.endToken != nil
        if hasStart { words.insert("<s>".utf8) }
        var table = ARPATable(
            order: counts.count, vocabularySize: vocabulary.vocabularySize, hasStart: hasStart)
        for unigram in unigrams {
            guard let id = words.find(lines.bytes, unigram.word) else {
                throw FileError(
                    lines.path, at: "\\1-grams:", expected: "words of the vocabulary",
                    found: "\"\(lines.text(unigram.word))\"")
            }
            table.set(unigram: id, unigram.logProbability, unigram.backoff)
        }
        for order in 1..<counts.count {
            try read(order: order + 1, words, into: &table, progress)
        }
        try expect("\\end\\")
        if lines.nextFilled() { throw lines.error(expected: "nothing after \\end\\") }
        switch table.model(endToken: vocabulary.endToken) {
        case .success(let model): return (model, vocabulary)
        case .failure(let duplicate):
            let text = duplicate.ids.map { String(decoding: words[Int($0)], as: UTF8.self) }
            throw FileError(
                lines.path, at: "\\\(duplicate.ids.count)-grams:", expected: "each n-gram once",
                found: "\"\(text.joined(separator: " "))\" twice")
        }
    }

    private mutating func readCounts() throws {
        while lines.next(), !lines.line.isEmpty {
            let parts = lines.text(lines.line).split { $0 == " " || $0 == "=" || $0 == "\t" }
            guard parts.count == 3, parts[0] == "ngram", let order = Int(parts[1]),
                order == counts.count + 1, order <= NGramEstimate.maximumOrder,
                let count = Int(parts[2]), count >= 0
            else {
                throw lines.error(
                    expected:
                        "\"ngram \(counts.count + 1)=COUNT\" (orders 1...\(NGramEstimate.maximumOrder))"
                )
            }
            counts.append(count)
        }
        guard !counts.isEmpty else { throw lines.error(expected: "\"ngram 1=COUNT\"") }
    }

    private mutating func expect(_ title: String) throws {
        guard lines.nextFilled(), lines.isLine(title) else { throw lines.error(expected: title) }
    }

    /// Reads the section of an order: calls `body` at each line, with its fields split.
    private mutating func readSection(
        _ order: Int,
        _ body: (ARPALines, _ logProbability: Float, _ backoff: Float) throws -> Void
    ) throws {
        let count = counts[order - 1]
        try expect("\\\(order)-grams:")
        var done = 0
        while done < count {
            guard lines.nextFilled(), lines.bytes[lines.line.lowerBound] != UInt8(ascii: "\\")
            else {
                throw lines.error(expected: "\(count) \(order)-grams", found: "\(done)")
            }
            lines.split()
            let hasBackoff = lines.fields.count == order + 2
            guard lines.fields.count == order + 1 || (hasBackoff && order < counts.count) else {
                let rest = order < counts.count ? " and perhaps a back-off weight" : ""
                throw lines.error(expected: "a log10 probability, \(order) words\(rest)")
            }
            let logProbability = try lines.logarithm(0, "a log10 probability")
            let isStart =
                order == 1 && lines.bytes[lines.fields[1]].elementsEqual("<s>".utf8)
            guard logProbability <= 0 || isStart else {
                throw lines.error(
                    expected: "a log10 probability of at most 0", found: "\(logProbability)")
            }
            let backoff =
                hasBackoff ? try lines.logarithm(order + 1, "a log10 back-off weight") : 0
            try body(lines, Float(logProbability), Float(backoff))
            done += 1
        }
        var following = lines
        if following.nextFilled(), following.bytes[following.line.lowerBound] != UInt8(ascii: "\\")
        {
            throw following.error(expected: "\(count) \(order)-grams", found: "more")
        }
    }

    private struct Unigram {
        var word: Range<Int>
        var logProbability: Float
        var backoff: Float
    }

    private mutating func readUnigrams() throws -> [Unigram] {
        var unigrams: [Unigram] = []
        var seen = WordTable()
        try readSection(1) { lines, logProbability, backoff in
            guard seen.insert(lines.bytes, lines.fields[1]).isNew else {
                throw lines.error(expected: "a new word", found: lines.text(lines.fields[1]))
            }
            unigrams.append(
                Unigram(word: lines.fields[1], logProbability: logProbability, backoff: backoff))
        }
        return unigrams
    }

    private mutating func read(
        order: Int, _ words: WordTable, into table: inout ARPATable,
        _ progress: NGramStage.Progress
    ) throws {
        var ids = [TokenID](repeating: 0, count: order)
        try readSection(order) { lines, logProbability, backoff in
            for place in 0..<order {
                let field = lines.fields[place + 1]
                guard let id = words.find(lines.bytes, field) else {
                    throw lines.error(
                        expected: "words of the 1-grams", found: "\"\(lines.text(field))\"")
                }
                ids[place] = TokenID(id)
            }
            table.append(ids, logProbability, backoff)
            if lines.number & 0x3FFF == 0 {
                progress(.reading, lines.line.upperBound, lines.bytes.count)
            }
        }
    }

    /// What the words stand for; words and characters are taken from the unigrams.
    private func vocabulary(
        _ header: ARPAHeader, _ unigrams: [Unigram], _ tokenizer: TokenizerSource
    ) throws -> NGramVocabulary {
        switch header.unit {
        case .token: return NGramVocabulary(tokens: try tokenizer(header.tokenizerHash))
        case .byte: return .bytes
        case .character:
            var scalars: Set<Unicode.Scalar> = []
            for unigram in unigrams {
                let bytes = ARPAWord.unescape(lines.bytes[unigram.word])
                guard bytes.count > 1 else { continue }
                let (scalar, length) = UTF8Scalar.decode(bytes, at: 0)
                if let scalar, length == bytes.count { scalars.insert(scalar) }
            }
            return NGramVocabulary(.character, CharacterTable(scalars: scalars))
        case .word:
            var table = NGramVocabulary.emptyWords
            for unigram in unigrams where !lines.bytes[unigram.word].elementsEqual("<s>".utf8) {
                table.insert(lines.bytes, unigram.word)
            }
            return NGramVocabulary(words: table)
        }
    }
}
