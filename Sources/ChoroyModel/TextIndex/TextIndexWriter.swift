internal import ChoroySystem
internal import ChoroyText

/// Makes the index of a text and writes it to a file.
public enum TextIndexWriter {
    /// What is being done, and which share of it is.
    public typealias Report = (_ what: String, _ share: Double) -> Void

    /// - Throws: `FileError` when the file cannot be written.
    public static func write(
        _ text: IndexedText, to path: String, report: @escaping Report = { _, _ in }
    ) throws {
        // The mark may be the number after the last token.
        if text.vocabulary.vocabularySize < 1 << 16 {
            let tokens = text.tokens.map { UInt16(truncatingIfNeeded: $0) }
            try write(text, tokens, to: path, report)
        } else {
            try write(text, text.tokens, to: path, report)
        }
    }

    private static func write<Token: FixedWidthInteger & BitwiseCopyable>(
        _ text: IndexedText, _ tokens: [Token], to path: String, _ report: @escaping Report
    ) throws {
        var layout = TextIndexLayout()
        layout.unit = text.vocabulary.unit
        layout.tokens = tokens.count
        layout.vocabularySize = text.vocabulary.vocabularySize
        layout.mark = Int(text.mark)
        layout.width = MemoryLayout<Token>.size
        let vocabulary = TextIndexVocabulary.bytes(text)
        if text.tokenizer != nil {
            layout.tokenizerHash = try Tokenizer(fileBytes: vocabulary, path: path).hash
        }
        let suffixes = unsafe LargePages.zeros(byteCount: 4 * tokens.count)
        defer { unsafe LargePages.free(suffixes) }
        let starts = unsafe sort(
            tokens, alphabet: layout.vocabularySize + 1, into: suffixes
        ) { report("sorting", $0) }
        let documents: [UInt32] = text.documents.flatMap {
            [$0.start, $0.file, $0.line, $0.isOneLine ? 1 : 0] as [UInt32]
        }
        let files = text.files.map { Array($0.utf8)[...] }
        try write(
            [
                .vocabulary: SectionContent(vocabulary),
                .files: SectionContent(TextIndexVocabulary.bytes(files)),
                .documents: SectionContent(documents), .lines: SectionContent(text.lineStarts),
                .starts: SectionContent(starts),
                .tokens: SectionContent(tokens),
                .suffixes: unsafe SectionContent(memory: UnsafeRawBufferPointer(suffixes)),
            ], layout, to: path, report)
    }

    /// Fills in where the suffixes begin; gives how many begin with a smaller token than each.
    private static func sort<Token: FixedWidthInteger & BitwiseCopyable>(
        _ tokens: [Token], alphabet: Int, into memory: UnsafeMutableRawBufferPointer,
        _ progress: @escaping (Double) -> Void
    ) -> [UInt32] {
        var starts = [UInt32](repeating: 0, count: alphabet + 1)
        for token in tokens { starts[Int(token) + 1] += 1 }
        unsafe tokens.withUnsafeBufferPointer { tokens in
            let suffixes = unsafe memory.bindMemory(to: Int32.self)
            guard let base = tokens.baseAddress, let target = suffixes.baseAddress else { return }
            unsafe SuffixSorting.sort(
                base, count: tokens.count, alphabet: alphabet, into: target, progress: progress)
        }
        for token in 0..<alphabet { starts[token + 1] += starts[token] }
        return starts
    }

    private static func write(
        _ contents: [TextIndexLayout.Section: SectionContent], _ layout: TextIndexLayout,
        to path: String, _ report: Report
    ) throws {
        var layout = layout
        var end = TextIndexLayout.headerSize
        for section in TextIndexLayout.Section.allCases {
            guard let content = contents[section] else { continue }
            let offset = TextIndexLayout.aligned(end)
            layout[section] = .init(offset: offset, size: content.size, hash: content.hash)
            end = offset + content.size
        }
        try AtomicFile.write(to: path) { file in
            try file.append(layout.bytes)
            for section in TextIndexLayout.Section.allCases {
                let gap = layout[section].offset - file.count
                try file.append([UInt8](repeating: 0, count: gap))
                try contents[section]?.append(to: file)
                report("writing", Double(file.count) / Double(end))
            }
        }
    }
}

/// What goes into a section: numbers as they lie in memory, little endian here.
@safe private struct SectionContent {
    let size: Int
    private let withBytes: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

    init<Number: BitwiseCopyable>(_ numbers: [Number]) {
        size = numbers.count * MemoryLayout<Number>.stride
        unsafe withBytes = { body in try unsafe numbers.withUnsafeBytes(body) }
    }

    /// - Precondition: the memory stays until all is written.
    init(memory: UnsafeRawBufferPointer) {
        size = memory.count
        unsafe withBytes = { body in try unsafe body(memory) }
    }

    var hash: UInt64 {
        var hash = XXHash64()
        try? unsafe withBytes { unsafe hash.update($0) }
        return hash.value
    }

    func append(to file: FileWriter) throws {
        try unsafe withBytes { try unsafe file.append(raw: $0) }
    }
}
