import ChoroySystem
public import ChoroyText

/// Reads and writes n-gram models as `.ngram` files: mapped into memory, looked up where they lie.
///
/// Opening checks the header and the vocabulary with their hashes; `verify` checks the rest. A file that is damaged
/// elsewhere gives wrong numbers until then, but no look-up leaves the file.
public enum NGramFile {
    /// What a file is made for.
    public enum Layout: String, Sendable, CaseIterable {
        /// Rows of 16 bytes and hash tables: the quickest.
        case fast
        /// Fields of as many bits as they need, the numbers whole.
        case compact
        /// The same with logarithms of 8 bits, from a table for each order.
        case quantized

        var number: UInt32 {
            switch self {
            case .fast: 0
            case .compact: 1
            case .quantized: 2
            }
        }
    }

    /// Whether `bytes` begin like such a file.
    public static func recognizes(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.starts(with: NGramFileHeader.magic)
    }

    /// Writes the file whole or not at all.
    ///
    /// - Parameters:
    ///   - tokenizerHash: what `open` compares with the tokenizer it is given.
    ///   - progress: Called while the file is written.
    /// - Returns: what rounding to 8 bits costs, for the quantized layout.
    @discardableResult
    public static func write(
        _ model: NGramModel, _ vocabulary: NGramVocabulary, to path: String,
        layout: Layout = .fast, tokenizerHash: String? = nil,
        progress: NGramStage.Progress = { _, _, _ in }
    ) throws -> QuantizationCost? {
        precondition(
            vocabulary.vocabularySize == model.vocabularySize,
            "a vocabulary of \(vocabulary.vocabularySize) for a model of \(model.vocabularySize)")
        var (levels, memory): (FastLevels, NGramMemory)
        switch model.layout {
        case .fast(let own):
            try own.check(for: path, in: model.memory.workspace)
            (levels, memory) = (own, model.memory)
        case .packed(let own):
            try own.check(for: path, in: model.memory.workspace)
            (levels, memory) = FastLevels.make(NGramTrie(copying: own))
        }
        defer { withExtendedLifetime((model, memory)) {} }
        var content = NGramFileContent()
        switch vocabulary.fileSection {
        case .words(let bytes): content.add(.words, 0, bytes)
        case .characters(let bytes): content.add(.characters, 0, bytes)
        case .none: break
        }
        var cost: QuantizationCost?
        switch layout {
        case .fast: content.add(levels, memory)
        case .compact: content.add(packed: levels, codebooks: nil, in: memory.workspace)
        case .quantized:
            let codebooks = NGramCodebooks(levels, in: memory.workspace)
            content.add(packed: levels, codebooks: codebooks, in: memory.workspace)
            cost = codebooks.cost
        }
        var header = NGramFileHeader(
            layout: layout, unit: vocabulary.unit, tokenizerHash: tokenizerHash,
            vocabularySize: model.vocabularySize, endToken: model.endToken, counts: model.counts,
            sections: content.sections())
        let start = header.bytes()
        let size = content.parts.reduce(0) { $0 + $1.size }
        let ngrams = model.counts.reduce(0, +)
        var done = 0
        try AtomicFile.write(to: path) { file in
            try file.append(start)
            for (section, part) in zip(header.sections, content.parts) {
                try file.append([UInt8](repeating: 0, count: section.offset - file.count))
                try part.write(to: file) { count in
                    done += count
                    progress(
                        .writing, Int(Double(ngrams) * Double(done) / Double(max(1, size))), ngrams)
                }
            }
        }
        return cost
    }

    /// The model in a file and what its numbers stand for.
    ///
    /// - Parameter textSize: Bytes of text to come. All of the file is mapped now, beside the reading of the vocabulary, for a
    ///   text that will touch most of it.
    /// - Throws: `FileError` for what is damaged, and what `tokenizer` throws.
    public static func open(
        _ path: String, textSize: Int = 0, tokenizer: ARPAReader.TokenizerSource
    ) throws -> (NGramModel, NGramVocabulary) {
        let file = try RandomAccessFile(path: path)
        let header = try NGramFileHeader(file)
        let mapped = try MappedFile(path: path, readsAhead: true)
        guard mapped.size == file.size else {
            throw FileError(path, expected: "\(file.size) bytes", found: "\(mapped.size)")
        }
        var reading: Result<NGramVocabulary, any Error> = .failure(
            FileError(path, expected: "a vocabulary", found: "none"))
        ThreadPool.shared.run(textSize > file.size / 512 ? 2 : 1) { task in
            if task == 0 {
                reading = Result { try Self.vocabulary(header, file, tokenizer) }
            } else {
                mapped.populate()
            }
        }
        let vocabulary = try reading.get()
        guard vocabulary.vocabularySize == header.vocabularySize,
            vocabulary.endToken == header.endToken
        else {
            throw FileError(
                path, expected: "a vocabulary of \(header.vocabularySize)",
                found: "one of \(vocabulary.vocabularySize)")
        }
        let layout: NGramModel.Layout
        let memory: NGramMemory
        switch header.layout {
        case .fast:
            let (levels, owner) = try FastLevels.make(header, mapped, path: path)
            (layout, memory) = (.fast(levels), owner)
        case .compact, .quantized:
            let (levels, owner) = try PackedLevels.make(header, mapped, path: path)
            (layout, memory) = (.packed(levels), owner)
        }
        let model = NGramModel(
            layout, memory, vocabularySize: header.vocabularySize, endToken: header.endToken)
        return (model, vocabulary)
    }

    /// Reads all of a file and compares each section with its hash.
    public static func verify(_ path: String) throws {
        let file = try RandomAccessFile(path: path)
        let header = try NGramFileHeader(file)
        var end = header.size
        for section in header.sections {
            try checkGap(end, section.offset, of: file)
            _ = try check(section, of: file)
            end = section.offset + section.size
        }
        try checkGap(end, end, of: file)
        guard end == file.size else {
            throw FileError(path, expected: "\(end) bytes", found: "\(file.size)")
        }
    }

    /// Between sections are zeros, fewer than the alignment.
    private static func checkGap(_ start: Int, _ end: Int, of file: RandomAccessFile) throws {
        let isGap = end >= start && end - start < NGramFileHeader.alignment
        guard isGap, try file.read(end - start, at: start).allSatisfy({ $0 == 0 }) else {
            throw FileError(
                file.path, at: "bytes \(start) to \(end)", expected: "zeros between sections",
                found: "something else")
        }
    }

    /// What a file is, from its header alone.
    public static func facts(_ path: String) throws -> Facts {
        let file = try RandomAccessFile(path: path)
        let header = try NGramFileHeader(file)
        return Facts(
            layout: header.layout, unit: header.unit, vocabularySize: header.vocabularySize,
            counts: header.counts, tokenizerHash: header.tokenizerHash, size: file.size)
    }

    public struct Facts: Sendable {
        public let layout: Layout
        public let unit: NGramVocabulary.Unit
        public let vocabularySize: Int
        public let counts: [Int]
        public let tokenizerHash: String?
        /// In bytes.
        public let size: Int
    }

    private static func vocabulary(
        _ header: NGramFileHeader, _ file: RandomAccessFile, _ tokenizer: ARPAReader.TokenizerSource
    ) throws -> NGramVocabulary {
        switch header.unit {
        case .token: return NGramVocabulary(tokens: try tokenizer(header.tokenizerHash))
        case .byte: return .bytes
        case .character, .word:
            let kind: NGramFileHeader.Section.Kind =
                header.unit == .word ? .words : .characters
            let section = try header.section(kind, 0, atLeast: 0, path: file.path)
            let bytes = try check(section, of: file)
            guard let vocabulary = NGramVocabulary(header.unit, fileSection: bytes) else {
                throw FileError(
                    file.path, at: section.name, expected: "\(header.unit.rawValue)s",
                    found: "something else")
            }
            return vocabulary
        }
    }

    /// The bytes of a section, or an error when they do not have its hash.
    private static func check(_ section: NGramFileHeader.Section, of file: RandomAccessFile) throws
        -> [UInt8]
    {
        let isSmall = section.kind == .words || section.kind == .characters
        var hash = XXHash64()
        var kept: [UInt8] = []
        var done = 0
        while done < section.size {
            let piece = try file.read(
                min(isSmall ? section.size : 1 << 22, section.size - done),
                at: section.offset + done)
            hash.update(piece)
            if isSmall { kept = piece }
            done += piece.count
        }
        guard hash.value == section.hash else {
            throw FileError(
                file.path,
                at: "\(section.name), bytes \(section.offset) to \(section.offset + section.size)",
                expected: "the hash that the header has", found: "another")
        }
        return kept
    }
}
