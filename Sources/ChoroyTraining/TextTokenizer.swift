internal import ChoroySystem
public import ChoroyText
internal import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension TokenFile {
    /// What the tokens of a text are known by.
    static func key(textHash: String, _ tokenizer: Tokenizer) -> String {
        let end = tokenizer.id(ofSpecial: Corpus.separator)
        return SHA256.hex(
            "choroy tokens 1 \(textHash) \(tokenizer.hash) \(end.map { "\($0)" } ?? "none")".utf8)
    }

    /// The tokens that the run in a directory learns from.
    ///
    /// - Throws: `FileError` when the file is missing, damaged, or of another text.
    public convenience init(of directory: String, textHash: String, tokenizer: Tokenizer) throws {
        try self.init(
            path: FilePath.join(directory, "training/tokens.bin"),
            key: Self.key(textHash: textHash, tokenizer))
    }
}

extension TrainingText {
    /// The text as tokens of `tokenizer`, from the file at `path`, or written there first.
    ///
    /// - Parameter note: Is told that a file was there that is not used, and why.
    /// - Throws: `FileError` for text that cannot be read and a disk without room.
    public func tokens(
        at path: String, tokenizer: Tokenizer, size known: Size? = nil,
        report: Report = { _, _, _ in }, note: (String) -> Void = { _ in }
    ) throws -> TokenFile {
        let end = tokenizer.id(ofSpecial: Corpus.separator)
        let key = TokenFile.key(textHash: hash, tokenizer)
        try Self.removeRemains(of: path)
        if FilePath.kind(of: path) != .missing {
            do {
                return try TokenFile(path: path, key: key)
            } catch let error as FileError {
                note("tokenizing again: \(error)")
            }
        }
        let size = try known ?? self.size(report: report)
        try FilePath.createDirectory(FilePath.directory(of: path))
        try AtomicFile.write(to: path) { file in
            var writer = try TokenFileWriter(
                file, path: path, key: key, vocabularySize: tokenizer.vocabularySize)
            var segments = SegmentedText(tokenizer, end: end)
            var source: Int?
            func endSource() throws {
                try segments.flush(into: &writer)
                if let source { writer.endPool(weight: sources[source].weight) }
            }
            try forEachPart(of: size, "tokenizing", report) { next, event in
                if next != source {
                    try endSource()
                    source = next
                }
                switch event {
                case .bytes(let bytes, let held): segments.append(bytes, isValidation: held)
                case .end(let held): segments.endDocument(isValidation: held)
                }
                if segments.isFull { try segments.flush(into: &writer) }
            }
            try endSource()
            try writer.finish()
        }
        return try TokenFile(path: path, key: key)
    }
}

extension TrainingText {
    /// Removes what a process that is gone left half written.
    private static func removeRemains(of path: String) throws {
        let directory = FilePath.directory(of: path)
        guard FilePath.kind(of: directory) == .directory else { return }
        let start = FilePath.name(of: path) + ".tmp-"
        for name in try FilePath.list(directory) where name.hasPrefix(start) {
            let digits = name.dropFirst(start.count).prefix { $0.isNumber }
            guard let process = Int32(digits), process > 0 else { continue }
            if process != getpid(), kill(process, 0) != 0, errno == ESRCH {
                try FilePath.remove(FilePath.join(directory, name))
            }
        }
    }
}

/// Text on its way to tokens: segments of documents, cut where the tokenizer cuts anyway, which
/// threads encode side by side.
private struct SegmentedText {
    private struct Segment: Sendable {
        var bytes: [UInt8]
        var isValidation: Bool
        var endsDocument: Bool
    }

    private let tokenizer: Tokenizer
    private let end: TokenID?
    private var segments: [Segment] = []
    private var byteCount = 0
    /// The end of the present document.
    private var rest: [UInt8] = []
    /// Segments without a place to cut are cut here: between characters.
    private static let longest = 1 << 20

    init(_ tokenizer: Tokenizer, end: TokenID?) {
        self.tokenizer = tokenizer
        self.end = end
    }

    var isFull: Bool { byteCount >= 1 << 22 }

    mutating func append(_ bytes: ArraySlice<UInt8>, isValidation: Bool) {
        rest += bytes
        guard rest.count >= 1 << 19 else { return }
        var start = 0
        for part in PreTokenizer.parts(of: rest).dropLast() {
            add(Array(rest[part]), isValidation, endsDocument: false)
            start = part.upperBound
        }
        if rest.count - start >= Self.longest {
            var cut = rest.count - 4
            while cut < rest.count, rest[cut] & 0xC0 == 0x80 { cut += 1 }
            add(Array(rest[start..<cut]), isValidation, endsDocument: false)
            start = cut
        }
        rest.removeFirst(start)
    }

    mutating func endDocument(isValidation: Bool) {
        add(rest, isValidation, endsDocument: true)
        rest.removeAll(keepingCapacity: true)
    }

    private mutating func add(_ bytes: [UInt8], _ isValidation: Bool, endsDocument: Bool) {
        segments.append(
            Segment(bytes: bytes, isValidation: isValidation, endsDocument: endsDocument))
        byteCount += bytes.count + 64
    }

    /// Encodes what waits, and writes it in its order.
    mutating func flush(into writer: inout TokenFileWriter) throws {
        let (segments, tokenizer) = (segments, tokenizer)
        let stripe = max(1, (segments.count + 31) / 32)
        let stripes = (segments.count + stripe - 1) / stripe
        let results = Mutex([[[TokenID]]](repeating: [], count: stripes))
        ThreadPool.shared.run(stripes) { index in
            let range = index * stripe..<min(segments.count, (index + 1) * stripe)
            let found = segments[range].map { tokenizer.encode($0.bytes) }
            results.withLock { $0[index] = found }
        }
        for (segment, tokens) in zip(segments, results.withLock { $0 }.lazy.joined()) {
            // The model is scored on a document held back, not on its end.
            let marked =
                segment.endsDocument && !segment.isValidation
                ? tokens + (end.map { [$0] } ?? []) : tokens
            try writer.append(
                marked, bytes: segment.bytes.count, isValidation: segment.isValidation)
            if segment.endsDocument { try writer.endDocument(isValidation: segment.isValidation) }
        }
        self.segments = []
        byteCount = 0
    }
}
