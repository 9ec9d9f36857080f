internal import ChoroySystem
public import ChoroyText

/// The text of a run as it lies in files of any size: what is learned from, with weights, and what is
/// held back. It is read as often as needed, and never in memory as a whole.
public struct TrainingText: Sendable {
    public struct Source: Sendable {
        public let file: TextFile
        /// How often each document is read in an epoch.
        public let weight: Double

        public init(_ file: TextFile, weight: Double = 1) {
            self.file = file
            self.weight = weight
        }
    }

    /// Documents with the same weight stand together.
    public let sources: [Source]
    /// Files that are held back; when empty, a part of the sources is.
    public let validation: [TextFile]
    /// SHA-256 of all files as they lie on the disk, with their formats and weights.
    public let hash: String

    /// Work of some length: what is done, and bytes read so far and in all.
    public typealias Report = (_ work: String, _ done: Int, _ total: Int) -> Void

    /// Reads all files once, for their hash.
    ///
    /// - Throws: `FileError` for what cannot be read.
    public init(_ sources: [Source], validation: [TextFile] = [], report: Report = { _, _, _ in })
        throws
    {
        // A stable sort, so that the order of the files stays within a weight.
        self.sources = sources.enumerated().sorted {
            ($0.element.weight, $0.offset) < ($1.element.weight, $1.offset)
        }.map(\.element)
        self.validation = validation
        var hash = SHA256()
        let files = self.sources.map { ($0.file, "\($0.weight)") } + validation.map { ($0, "held") }
        let total = files.reduce(0) { $0 + $1.0.size }
        var done = 0
        for (file, weight) in files {
            hash.update("\(file.format.rawValue) \(file.textField) \(weight)\n".utf8)
            let before = done
            try file.forEachStoredPiece {
                hash.update($0)
                done += $0.count
                report("reading", done, total)
            }
            hash.update("\n\(done - before)\n".utf8)
        }
        self.hash = hash.finalize()
    }

    /// Documents and bytes of the sources.
    public struct Size: Sendable, Equatable {
        public var documents = 0
        public var bytes = 0
    }

    /// Counts the documents of the sources.
    ///
    /// - Throws: `FileError` for what cannot be read or is no text, and when there is no text at all.
    public func size(report: Report = { _, _, _ in }) throws -> Size {
        var size = Size()
        try forEachEvent(of: sources.map(\.file), "counting", report) { _, event in
            switch event {
            case .bytes(let bytes): size.bytes += bytes.count
            case .end: size.documents += 1
            }
        }
        guard size.documents > 0 else {
            throw FileError(
                sources.map(\.file.title).joined(separator: ", "), expected: "text", found: "none")
        }
        return size
    }

    /// Bytes of the text that a new tokenizer is trained on at most: a model's vocabulary is settled
    /// by far fewer.
    public static let sampleLimit = 1 << 25

    /// What a new tokenizer is trained on: all that is learned from, or of more than `limit` bytes
    /// stretches of 64 KB, evenly spread.
    public func sample(
        of size: Size, limit: Int = TrainingText.sampleLimit, report: Report = { _, _, _ in }
    ) throws -> [ArraySlice<UInt8>] {
        let stretch = 1 << 16
        let all = size.bytes / stretch + 1
        let wanted = size.bytes <= limit ? all : max(1, limit / stretch)
        var documents: [ArraySlice<UInt8>] = []
        var document: [UInt8] = []
        var place = 0
        func close() {
            if !document.isEmpty { documents.append(document[...]) }
            document = []
        }
        try forEachPart(of: size, "sampling", report) { _, event in
            switch event {
            case .bytes(_, isValidation: true), .end(isValidation: true): break
            case .end(isValidation: false): close()
            case .bytes(var bytes, isValidation: false):
                while !bytes.isEmpty {
                    let index = place / stretch
                    let part = bytes.prefix((index + 1) * stretch - place)
                    // The numbers 0 to wanted - 1, spread over 0 to all - 1.
                    let isTaken =
                        wanted == all || (index + 1) * wanted / all > index * wanted / all
                    if isTaken { document += part } else { close() }
                    place += part.count
                    bytes = bytes.dropFirst(part.count)
                }
            }
        }
        close()
        return documents
    }

    // MARK: - Reading

    /// Gives all parts of the text with the number of their source; those of files that are held
    /// back have none.
    func forEachPart(
        of size: Size, _ work: String, _ report: Report,
        _ body: (_ source: Int?, TextSplitter.Event) throws -> Void
    ) throws {
        let files = sources.map(\.file)
        if validation.isEmpty && size.bytes <= TextSplit.largestWithFewPieces {
            return try forEachPartOfFew(size, body)
        }
        var splitter = TextSplitter(
            documents: size.documents, bytes: size.bytes, holdsNone: !validation.isEmpty)
        try forEachEvent(of: files, work, report) { source, event in
            switch event {
            case .bytes(let bytes): try splitter.feed(bytes) { try body(source, $0) }
            case .end: try splitter.endDocument { try body(source, $0) }
            }
        }
        try forEachEvent(of: validation, work, report) { _, event in
            switch event {
            case .bytes(let bytes): try body(nil, .bytes(bytes, isValidation: true))
            case .end: try body(nil, .end(isValidation: true))
            }
        }
    }

    /// The same for a text so small that its last line may be all that can be held back.
    private func forEachPartOfFew(
        _ size: Size, _ body: (_ source: Int?, TextSplitter.Event) throws -> Void
    ) throws {
        var bytes: [UInt8] = []
        /// Where each document ends, and of which source it is.
        var ends: [(end: Int, source: Int)] = []
        try forEachEvent(of: sources.map(\.file), "", { _, _, _ in }) { source, event in
            switch event {
            case .bytes(let more): bytes += more
            case .end: ends.append((bytes.count, source))
            }
        }
        var start = 0
        let documents = ends.map { end in
            defer { start = end.end }
            return bytes[start..<end.end]
        }
        let split = TextSplit(Corpus(documents: documents))
        let parts = split.training.map { ($0, false) } + split.validation.map { ($0, true) }
        for (part, isValidation) in parts.sorted(by: { $0.0.startIndex < $1.0.startIndex }) {
            let source = ends.first { part.startIndex < $0.end }?.source
            try body(source, .bytes(part, isValidation: isValidation))
            try body(source, .end(isValidation: isValidation))
        }
    }

    private func forEachEvent(
        of files: [TextFile], _ work: String, _ report: Report,
        _ body: (_ source: Int, DocumentReader.Event) throws -> Void
    ) throws {
        let total = files.reduce(0) { $0 + $1.size }
        var done = 0
        for (index, file) in files.enumerated() {
            var read = 0
            try DocumentReader.read(file) { event in
                if case .bytes(let bytes) = event {
                    // Of a compressed file more comes out than lies on the disk.
                    read = min(file.size, read + bytes.count)
                    report(work, done + read, total)
                }
                try body(index, event)
            }
            done += file.size
        }
    }
}
