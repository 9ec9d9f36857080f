internal import ChoroySystem
internal import ChoroyText

/// A text that is searched like the index of a book: how often any row of tokens occurs in it, where, and what
/// comes behind.
///
/// The suffixes of the text stand in their order, so those that begin with a row of tokens are neighbours: a
/// range of ranks, found by bisection. A search reads some dozen places of the file, however large it is.
///
/// The file is mapped into memory. Its header and small sections are checked when it is opened, all of it by
/// `verify()`; without, a damaged text or order gives wrong answers, but no place outside the file is read.
/// Source: Manber & Myers 1993, "Suffix arrays: a new method for on-line string searches".
@safe public final class TextIndex: @unchecked Sendable {
    public let path: String
    public let vocabulary: NGramVocabulary
    /// Tokens of the text, the marks between documents among them.
    public let count: Int
    /// The tokenizer's hash, for an index of tokens.
    public let tokenizerHash: String?
    public var documentCount: Int { unsafe documents.count / 4 }
    /// The names of the files, as they were given.
    public let files: [String]
    /// What stands before the first document and behind each.
    let mark: Int
    let layout: TextIndexLayout
    let followerSums = FollowerSums()

    // Never written; all point into the map, which lives as long as this object.
    private let map: MappedFile
    private let tokens: UnsafeRawPointer
    private let isNarrow: Bool
    private let suffixes: UnsafePointer<UInt32>
    private let starts: UnsafePointer<UInt32>
    let documents: UnsafeBufferPointer<UInt32>
    let lines: UnsafeBufferPointer<UInt32>

    /// Whether a file with these first bytes is an index.
    public static func recognizes(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: TextIndexLayout.magic)
    }

    /// - Throws: `FileError` when the file is missing, no index, cut short or damaged where it was looked at.
    public init(path: String) throws {
        let map = try MappedFile(path: path)
        let header = unsafe map.withBytes(0..<min(map.size, TextIndexLayout.headerSize)) {
            unsafe Array($0)
        }
        let layout = try TextIndexLayout(header, path: path, fileSize: map.size)
        func section(_ section: TextIndexLayout.Section) -> UnsafeRawBufferPointer {
            let (place, size) = (layout[section].offset, layout[section].size)
            return unsafe UnsafeRawBufferPointer(
                start: map.pointer(at: place, count: size), count: size)
        }
        for section in TextIndexLayout.Section.allCases
        where layout[section].size <= TextIndexLayout.smallSize {
            try Self.check(section, layout, map, path)
        }
        guard let tokens = unsafe section(.tokens).baseAddress,
            let suffixes = unsafe section(.suffixes).bindMemory(to: UInt32.self).baseAddress,
            let starts = unsafe section(.starts).bindMemory(to: UInt32.self).baseAddress
        else { throw FileError(path, expected: "a text index", found: "an empty one") }
        vocabulary = try TextIndexVocabulary.read(
            unsafe Array(section(.vocabulary)), layout, path: path)
        files = try TextIndexVocabulary.strings(unsafe Array(section(.files)), path: path).map {
            String(decoding: $0, as: UTF8.self)
        }
        self.path = path
        self.layout = layout
        self.map = map
        count = layout.tokens
        mark = layout.mark
        tokenizerHash = layout.tokenizerHash
        isNarrow = layout.width == 2
        unsafe self.tokens = tokens
        unsafe self.suffixes = suffixes
        unsafe self.starts = starts
        unsafe documents = section(.documents).bindMemory(to: UInt32.self)
        unsafe lines = section(.lines).bindMemory(to: UInt32.self)
    }

    /// Checks all of the file.
    ///
    /// - Throws: `FileError` that names the section whose content is not what was written.
    public func verify() throws {
        for section in TextIndexLayout.Section.allCases {
            try Self.check(section, layout, map, path)
        }
        guard let tokenizerHash else { return }
        let bytes = unsafe map.withBytes(layout[.vocabulary].range) { unsafe Array($0) }
        let found = try Tokenizer(fileBytes: bytes, path: path).hash
        guard found == tokenizerHash else {
            throw FileError(
                path, at: "vocabulary", expected: "the tokenizer with the hash \(tokenizerHash)",
                found: "another, \(found)")
        }
    }

    private static func check(
        _ section: TextIndexLayout.Section, _ layout: TextIndexLayout, _ map: MappedFile,
        _ path: String
    ) throws {
        let extent = layout[section]
        var hash = XXHash64()
        unsafe map.withBytes(extent.range) { unsafe hash.update($0) }
        guard hash.value == extent.hash else {
            throw FileError(
                path, at: "section \(section), from byte \(extent.offset) on",
                expected: "the content that was written", found: "another")
        }
    }

    /// The token at a place of the text; -1 behind its end.
    ///
    /// - Precondition: `place` is not negative.
    @inline(__always)
    func token(_ place: Int) -> Int {
        guard place < count else { return -1 }
        // The file may hold any number; 4 bytes are never above Int32.max where it is sound.
        return isNarrow
            ? Int(unsafe tokens.load(fromByteOffset: 2 * place, as: UInt16.self))
            : Int(unsafe tokens.load(fromByteOffset: 4 * place, as: UInt32.self))
    }

    /// Where the suffix of a rank begins: in the text, or at its end when the file is damaged.
    ///
    /// - Precondition: `rank` is in `0..<count`.
    @inline(__always)
    func suffix(_ rank: Int) -> Int { min(unsafe Int(suffixes[rank]), count) }

    /// The suffixes that begin with a token or the mark; none for other numbers.
    func range(of token: Int) -> Range<Int> {
        guard token >= 0, token <= layout.vocabularySize else { return 0..<0 }
        let lower = unsafe min(Int(starts[token]), count)
        let upper = unsafe min(Int(starts[token + 1]), count)
        return lower..<max(lower, upper)
    }
}
