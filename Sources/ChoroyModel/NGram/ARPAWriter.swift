import ChoroySystem
import ChoroyText

/// Writes n-gram models in the ARPA format, as KenLM reads it.
///
/// Before `\data\` a line `# choroy unit=character` says what the words stand for; a model of a
/// tokenizer's tokens adds the hash of the tokenizer, which is stored beside it. Logarithms have
/// 8 decimals.
@safe public struct ARPAWriter {
    /// The words one after the other, and where each begins.
    private let text: [UInt8]
    private let starts: [Int]

    /// N-grams that a thread writes into one buffer.
    private static let partSize = 1 << 15

    /// Writes the file whole or not at all.
    ///
    /// - Parameters:
    ///   - tokenizerHash: what the reader compares with the tokenizer it is given.
    ///   - progress: Called while n-grams are written.
    public static func write(
        _ model: NGramModel, _ vocabulary: NGramVocabulary, to path: String,
        tokenizerHash: String? = nil, progress: NGramStage.Progress = { _, _, _ in }
    ) throws {
        let writer = ARPAWriter(model, vocabulary)
        let header = ARPAHeader(unit: vocabulary.unit, tokenizerHash: tokenizerHash)
        defer { withExtendedLifetime(model) {} }
        try AtomicFile.write(to: path) { file in
            try file.append(header.line + "\n\\data\\\n")
            for (level, count) in model.counts.enumerated() {
                try file.append("ngram \(level + 1)=\(count)\n")
            }
            switch model.layout {
            case .fast(let levels):
                try writer.write(levels, to: file, path, model.memory.workspace, progress)
            case .packed(let levels):
                try writer.write(levels, to: file, path, model.memory.workspace, progress)
            }
            try file.append("\n\\end\\\n")
        }
    }

    private init(_ model: NGramModel, _ vocabulary: NGramVocabulary) {
        precondition(
            vocabulary.vocabularySize == model.vocabularySize,
            "a vocabulary of \(vocabulary.vocabularySize) for a model of \(model.vocabularySize)")
        var words = vocabulary.arpaWords()
        // The number after the last is `<s>`.
        words.insert("<s>".utf8)
        var text: [UInt8] = []
        var starts = [0]
        for index in 0..<words.count {
            text += words[index]
            starts.append(text.count)
        }
        self.text = text
        self.starts = starts
    }

    private func write<Levels: NGramLevels>(
        _ levels: Levels, to file: FileWriter, _ path: String, _ workspace: Workspace,
        _ progress: NGramStage.Progress
    ) throws {
        try levels.check(for: path, in: workspace)
        let total = levels.counts.reduce(0, +)
        var done = 0
        for level in 0..<levels.order {
            try file.append("\n\\\(level + 1)-grams:\n")
            let parts = (levels.count(level) + Self.partSize - 1) / Self.partSize
            // As many parts at a time as all threads are busy with.
            let together = 4 * ThreadPool.shared.threadCount
            for first in stride(from: 0, to: parts, by: together) {
                let count = min(together, parts - first)
                let buffers = (0..<count).map { _ in PartBuffer() }
                ThreadPool.shared.run(count) { part in
                    let start = (first + part) * Self.partSize
                    let end = min(levels.count(level), start + Self.partSize)
                    write(levels, level, start..<end, into: &buffers[part].lines)
                    workspace.relieve()
                }
                for buffer in buffers {
                    try unsafe buffer.lines.withBytes { try unsafe file.append(raw: $0) }
                }
                done += min(count * Self.partSize, levels.count(level) - first * Self.partSize)
                progress(.writing, done, total)
            }
        }
    }

    /// Written by one thread, then read by another.
    private final class PartBuffer: @unchecked Sendable {
        var lines = ARPALineBuffer()
    }

    private func write<Levels: NGramLevels>(
        _ levels: Levels, _ level: Int, _ range: Range<Int>, into lines: inout ARPALineBuffer
    ) {
        // path[k]: the n-gram of k + 1 tokens that the current one begins with; limits[k]: where its children end.
        var path = [Int](repeating: 0, count: level)
        var limits = [Int](repeating: 0, count: level)
        var place = range.lowerBound
        for above in (0..<level).reversed() {
            path[above] = Self.parent(levels, above, of: place)
            limits[above] = levels.children(above, path[above]).upperBound
            place = path[above]
        }
        unsafe text.withUnsafeBufferPointer { text in
            for index in range {
                var place = index
                for above in (0..<level).reversed() {
                    if limits[above] > place { break }
                    while limits[above] <= place {
                        path[above] += 1
                        limits[above] = levels.children(above, path[above]).upperBound
                    }
                    place = path[above]
                }
                lines.reserve(2 * ARPALineBuffer.longestNumber + 4)
                lines.append(log10: levels.logProbability(level, index))
                var separator = UInt8(ascii: "\t")
                for above in 0...level {
                    let token = Int(levels.token(above, above < level ? path[above] : index))
                    let word = starts[token]..<starts[token + 1]
                    lines.reserve(word.count + 2 + ARPALineBuffer.longestNumber)
                    lines.append(separator)
                    unsafe lines.append(UnsafeBufferPointer(rebasing: text[word]))
                    separator = 32
                }
                if level + 1 < levels.order {
                    lines.append(UInt8(ascii: "\t"))
                    lines.append(log10: levels.backoff(level, index))
                }
                lines.append(10)
            }
        }
    }

    /// The n-gram of a level whose children hold a place one level up.
    private static func parent<Levels: NGramLevels>(_ levels: Levels, _ level: Int, of place: Int)
        -> Int
    {
        var (low, high) = (0, levels.count(level) - 1)
        while low < high {
            let middle = low + (high - low) / 2
            if levels.children(level, middle).upperBound <= place {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
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
