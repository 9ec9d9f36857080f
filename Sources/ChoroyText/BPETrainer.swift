import ChoroySystem

/// Learns the merges of a byte-level byte-pair encoding from text.
///
/// Each round merges the neighbouring pair that occurs most often, in pieces that the pre-tokenizer
/// cut; of equals the pair with the smaller left id, then the smaller right id. So the same text
/// gives the same tokenizer for any order of files and any number of threads.
///
/// Ids: 0–255 are the bytes, then the merges in their order, then the special tokens.
///
/// Source: Sennrich et al. 2016, algorithm 1, https://arxiv.org/abs/1508.07909
public struct BPETrainer: Sendable {
    /// The most ids a tokenizer of Choroy can have.
    public static let largestVocabulary = 1 << 20

    public let vocabularySize: Int
    public let pattern: PreTokenizer.Pattern
    public let specialTokens: [String]
    /// A pair that occurs less often is never merged.
    public let minimumCount: Int
    /// Bytes of memory that counting and learning may take: of more different pieces than that holds, those that
    /// occur most often are learnt from. nil for no limit.
    public let memory: Int?

    /// - Throws: `FileError` when the vocabulary has no room for 256 bytes and the special tokens,
    ///   or a special token is empty, there twice, or spelled like a byte.
    public init(
        vocabularySize: Int, pattern: PreTokenizer.Pattern = .llamaBPE,
        specialTokens: [String] = Tokenizer.reservedTokens, minimumCount: Int = 2,
        memory: Int? = nil
    ) throws {
        let smallest = 256 + specialTokens.count
        guard (smallest...Self.largestVocabulary).contains(vocabularySize) else {
            throw FileError(
                "vocabulary size",
                expected: "\(smallest) (256 bytes and \(specialTokens.count) special tokens) to "
                    + "\(Self.largestVocabulary)", found: "\(vocabularySize)")
        }
        for (index, content) in specialTokens.enumerated() {
            let isTwice = specialTokens[..<index].contains {
                $0.utf8.elementsEqual(content.utf8)
            }
            guard content.unicodeScalars.count > 1, !isTwice else {
                throw FileError(
                    "special token", expected: "two or more characters, each token once",
                    found: "\"\(content)\"\(isTwice ? " again" : "")")
            }
        }
        self.vocabularySize = vocabularySize
        self.pattern = pattern
        self.specialTokens = specialTokens
        self.minimumCount = max(1, minimumCount)
        self.memory = memory
    }

    /// The tokenizer of these documents.
    ///
    /// It is smaller than `vocabularySize` when no pair occurs `minimumCount` times any more.
    /// - Throws: `FileError` when there is no room on disk for what the memory does not hold.
    public func train(_ documents: [ArraySlice<UInt8>]) throws -> Tokenizer {
        var stream = PieceStream(pattern: pattern, memory: memory)
        for document in documents {
            try stream.append(document)
            stream.endDocument()
        }
        return learn(try stream.finish().pieces)
    }

    /// What a training on files has read, and made.
    public struct Result: Sendable {
        public let tokenizer: Tokenizer
        public let bytes: Int
        public let documents: Int
        /// Different pieces of the text, and how often it has any.
        public let pieces: Int
        public let occurrences: Int
        /// What was learnt from: the pieces that occur so many times at least, all when it is 1.
        public let smallestCount: Int
        public let occurrencesLearnt: Int
    }

    /// What a training does, and how far it is.
    public enum Progress: Sendable {
        case counted(bytes: Int)
        case learnt(tokens: Int)
    }

    /// The tokenizer of the documents in `files`, which are read piece by piece.
    ///
    /// - Throws: `FileError` for a file that cannot be read or is no text, when there is no text, and when
    ///   there is no room on disk for what the memory does not hold.
    public func train(
        _ files: [TextFile], progress: (Progress) -> Void = { _ in }
    ) throws -> Result {
        var stream = PieceStream(pattern: pattern, memory: memory)
        var (bytes, documents) = (0, 0)
        for file in files {
            try DocumentReader.read(file) { event in
                switch event {
                case .bytes(let piece):
                    try stream.append(piece)
                    bytes += piece.count
                    progress(.counted(bytes: bytes))
                case .end:
                    stream.endDocument()
                    documents += 1
                }
            }
        }
        guard documents > 0 else {
            throw FileError(
                files.map(\.title).joined(separator: ", "), expected: "text", found: "none")
        }
        let selection = try stream.finish()
        return Result(
            tokenizer: learn(selection.pieces) { progress(.learnt(tokens: $0)) }, bytes: bytes,
            documents: documents, pieces: selection.distinct, occurrences: selection.occurrences,
            smallestCount: selection.minimumCount, occurrencesLearnt: selection.kept)
    }

    private func learn(
        _ pieces: PieceCounter, progress: (Int) -> Void = { _ in }
    ) -> Tokenizer {
        var learner = MergeLearner(pieces, specialTokens: specialTokens)
        learner.learn(
            until: vocabularySize - specialTokens.count, minimumCount: minimumCount,
            progress: progress)
        var tokens = learner.tokens
        let first = tokens.count
        for content in specialTokens { tokens.append(content.utf8) }
        return Tokenizer(
            tokens: tokens.unlisted(), merges: learner.merges, byteTokens: Array(0..<256),
            added: specialTokens.enumerated().map {
                .init(
                    content: $1, id: TokenID(first + $0), isSpecial: true, isNormalized: false)
            },
            pattern: pattern)
    }

    public func train(_ bytes: [UInt8]) throws -> Tokenizer { try train([bytes[...]]) }
}
