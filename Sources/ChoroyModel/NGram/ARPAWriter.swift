import ChoroySystem
import ChoroyText

/// Writes n-gram models in the ARPA format, as KenLM reads it.
///
/// Before `\data\` a line `# choroy unit=character` says what the words stand for; a model of a
/// tokenizer's tokens adds the hash of the tokenizer, which is stored beside it. Logarithms have
/// 8 decimals.
public struct ARPAWriter {
    private let model: NGramModel
    private let words: WordTable
    private var buffer: [UInt8] = []

    /// Writes the file whole or not at all.
    ///
    /// - Parameter tokenizerHash: what the reader compares with the tokenizer it is given.
    public static func write(
        _ model: NGramModel, _ vocabulary: NGramVocabulary, to path: String,
        tokenizerHash: String? = nil
    ) throws {
        var writer = ARPAWriter(model, vocabulary)
        let header = ARPAHeader(unit: vocabulary.unit, tokenizerHash: tokenizerHash)
        try AtomicFile.write(to: path) { file in
            try file.append(header.line + "\n\\data\\\n")
            for (level, count) in model.counts.enumerated() {
                try file.append("ngram \(level + 1)=\(count)\n")
            }
            switch model.layout {
            case .fast(let levels): try writer.write(levels, to: &file)
            case .packed(let levels): try writer.write(levels, to: &file)
            }
            try file.append("\n\\end\\\n")
        }
    }

    private init(_ model: NGramModel, _ vocabulary: NGramVocabulary) {
        precondition(
            vocabulary.vocabularySize == model.vocabularySize,
            "a vocabulary of \(vocabulary.vocabularySize) for a model of \(model.vocabularySize)")
        self.model = model
        var words = vocabulary.arpaWords()
        // The number after the last is `<s>`.
        words.insert("<s>".utf8)
        self.words = words
    }

    private mutating func write<Levels: NGramLevels>(_ levels: Levels, to file: inout FileWriter)
        throws
    {
        for level in 0..<levels.order { try write(levels, level, to: &file) }
    }

    private mutating func write<Levels: NGramLevels>(
        _ levels: Levels, _ level: Int, to file: inout FileWriter
    ) throws {
        buffer += "\n\\\(level + 1)-grams:\n".utf8
        // path[k]: the n-gram of k + 1 tokens that the current one begins with.
        var path = [Int](repeating: 0, count: level)
        for index in 0..<levels.counts[level] {
            var place = index
            for above in (0..<level).reversed() {
                while levels.children(above, path[above]).upperBound <= place { path[above] += 1 }
                place = path[above]
            }
            append(log10: levels.logProbability(level, index))
            var separator = UInt8(ascii: "\t")
            for above in 0..<level {
                append(word: levels.token(above, path[above]), after: separator)
                separator = 32
            }
            append(word: levels.token(level, index), after: separator)
            if level + 1 < levels.order {
                buffer.append(UInt8(ascii: "\t"))
                append(log10: levels.backoff(level, index))
            }
            buffer.append(10)
            if buffer.count > 1 << 18 {
                try file.append(buffer)
                buffer.removeAll(keepingCapacity: true)
            }
        }
        try file.append(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func append(word token: UInt32, after separator: UInt8) {
        buffer.append(separator)
        buffer += words[Int(token)]
    }

    /// `value` with 8 decimals, zeros at the end left out.
    private mutating func append(log10 value: Float) {
        let value = Double(value)
        guard value.magnitude < 1e9 else {
            buffer += (value < 0 ? "-99" : "99").utf8
            return
        }
        var number = Int((value.magnitude * 1e8).rounded())
        if number == 0 {
            buffer.append(UInt8(ascii: "0"))
            return
        }
        if value < 0 { buffer.append(UInt8(ascii: "-")) }
        var decimals = 8
        while decimals > 0 && number.isMultiple(of: 10) {
            number /= 10
            decimals -= 1
        }
        let start = buffer.count
        for place in 0... {
            if place == decimals && decimals > 0 { buffer.append(UInt8(ascii: ".")) }
            if place > decimals && number == 0 { break }
            buffer.append(48 + UInt8(number % 10))
            number /= 10
            if decimals == 0 && number == 0 { break }
        }
        buffer[start...].reverse()
    }
}

/// The line that says what the words of an ARPA file of ours stand for.
public struct ARPAHeader: Sendable, Equatable {
    public var unit: NGramVocabulary.Unit
    /// `Tokenizer.hash` of the tokenizer whose tokens these are.
    public var tokenizerHash: String?

    var line: String {
        "# choroy unit=\(unit.rawValue)" + (tokenizerHash.map { " tokenizer=\($0)" } ?? "")
    }

    init(unit: NGramVocabulary.Unit, tokenizerHash: String?) {
        self.unit = unit
        self.tokenizerHash = tokenizerHash
    }

    /// The header in a line; nil for any other line.
    init?(line: some Collection<UInt8>) {
        let fields = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard fields.count >= 3, fields[0] == "#", fields[1] == "choroy" else { return nil }
        var values: [Substring: String] = [:]
        for field in fields[2...] {
            let parts = field.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = String(parts[1]) }
        }
        guard let unit = values["unit"].flatMap(NGramVocabulary.Unit.init(rawValue:)) else {
            return nil
        }
        self.unit = unit
        tokenizerHash = values["tokenizer"]
    }
}
