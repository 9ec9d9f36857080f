import ChoroySystem

/// How an index lies in its file.
///
///     "CHOROYIX", version 1, unit                                   8 bytes, 2 × UInt32
///     tokens; vocabulary size, mark, bytes of a token                UInt64, 3 × UInt32
///     the tokenizer's hash                                           64 hexadecimal digits, or zeros
///     for each section: offset, size, XXH64                          7 × 3 × UInt64
///     XXH64 of all that                                              UInt64
///     the sections, each at a multiple of 64 bytes
///
/// All numbers are little endian. Units: 0 token, 1 word, 2 character, 3 byte.
struct TextIndexLayout: Equatable {
    enum Section: Int, CaseIterable {
        /// A tokenizer (`TokenizerSnapshot`); words or characters, each with its size before it (UInt32); nothing for bytes.
        case vocabulary
        /// The files' names, each with its size before it (UInt32).
        case files
        /// First token, file, first line, whether that is all of it: 4 × UInt32 each.
        case documents
        /// The first tokens of lines that are not a document's first: UInt32.
        case lines
        /// For each token, the mark, and once more: how many suffixes begin with a smaller one: UInt32.
        case starts
        case tokens
        /// Where the suffixes begin, in their order: UInt32.
        case suffixes
    }

    struct Extent: Equatable {
        var offset = 0
        var size = 0
        var hash: UInt64 = 0

        var range: Range<Int> { offset..<offset + size }
    }

    static let magic = Array("CHOROYIX".utf8)
    static let version: UInt32 = 1
    static let tablePlace = 100
    static let hashPlace = tablePlace + 24 * Section.allCases.count
    static let headerSize = hashPlace + 8
    /// Sections up to this size are checked when a file is opened.
    static let smallSize = 1 << 22
    private static let units: [NGramVocabulary.Unit] = [.token, .word, .character, .byte]

    var unit = NGramVocabulary.Unit.byte
    var tokens = 0
    var vocabularySize = 0
    var mark = 0
    /// Bytes of a token: 2 or 4.
    var width = 2
    var tokenizerHash: String?
    var extents = [Extent](repeating: Extent(), count: Section.allCases.count)

    subscript(section: Section) -> Extent {
        get { extents[section.rawValue] }
        set { extents[section.rawValue] = newValue }
    }

    /// Where a section that has `offset` bytes before it begins.
    static func aligned(_ offset: Int) -> Int { (offset + 63) / 64 * 64 }

    var bytes: [UInt8] {
        var bytes = Self.magic
        func append<Number: FixedWidthInteger>(_ number: Number) {
            for index in 0..<MemoryLayout<Number>.size {
                bytes.append(UInt8(truncatingIfNeeded: number >> (8 * Number(index))))
            }
        }
        append(Self.version)
        append(UInt32(Self.units.firstIndex(of: unit) ?? 0))
        append(UInt64(tokens))
        for number in [vocabularySize, mark, width] { append(UInt32(number)) }
        let hash = Array((tokenizerHash ?? "").utf8.prefix(64))
        bytes += hash + [UInt8](repeating: 0, count: 64 - hash.count)
        for extent in extents {
            append(UInt64(extent.offset))
            append(UInt64(extent.size))
            append(extent.hash)
        }
        append(XXHash64.value(bytes))
        return bytes
    }

    init() {}

    /// Reads the first bytes of the file at `path`, which has `fileSize` bytes.
    ///
    /// - Throws: `FileError` unless every section lies in the file and has a possible size.
    init(_ bytes: [UInt8], path: String, fileSize: Int) throws {
        func error(_ place: String, _ expected: String, _ found: String) -> FileError {
            FileError(path, at: place, expected: expected, found: found)
        }
        var reader = ByteReader(bytes, path: path)
        guard bytes.starts(with: Self.magic) else {
            throw error("byte 0", "a text index", "something else")
        }
        _ = try reader.take(Self.magic.count)
        let version = try reader.integer(UInt32.self, "version")
        guard version == Self.version else {
            throw error("version", "\(Self.version)", "\(version)")
        }
        guard bytes.count >= Self.headerSize else {
            throw error("header", "\(Self.headerSize) bytes", "\(bytes.count)")
        }
        var end = ByteReader(bytes[Self.hashPlace..<Self.headerSize], path: path)
        guard
            try end.integer(UInt64.self, "hash")
                == XXHash64.value(Array(bytes[..<Self.hashPlace]))
        else { throw error("header", "bytes with its hash", "others") }
        // The hash tells that these numbers were written; all the same none may lead outside the file.
        let number = Int(try reader.integer(UInt32.self, "unit"))
        guard Self.units.indices.contains(number) else {
            throw error("unit", "0 to 3", "\(number)")
        }
        unit = Self.units[number]
        tokens = try reader.size("tokens")
        vocabularySize = Int(try reader.integer(UInt32.self, "vocabulary size"))
        mark = Int(try reader.integer(UInt32.self, "mark"))
        width = Int(try reader.integer(UInt32.self, "bytes of a token"))
        guard tokens > 0, tokens <= IndexedText.maximumTokens, [2, 4].contains(width),
            vocabularySize > 0, vocabularySize < Int(Int32.max), mark <= vocabularySize
        else {
            throw error(
                "header", "possible counts", "\(tokens) \(vocabularySize) \(mark) \(width)")
        }
        let hash = try reader.take(64)
        if hash.first != 0 { tokenizerHash = String(decoding: hash, as: UTF8.self) }
        for section in Section.allCases {
            let offset = try reader.size("offset")
            let size = try reader.size("size")
            self[section] = Extent(
                offset: offset, size: size, hash: try reader.integer(UInt64.self, "hash"))
            let (end, overflows) = offset.addingReportingOverflow(size)
            guard offset % 64 == 0, offset >= Self.headerSize, !overflows, end <= fileSize else {
                throw error(
                    "section \(section)", "\(size) bytes from byte \(offset) on",
                    "a file of \(fileSize) bytes")
            }
        }
        try checkSizes(error)
        let whole = extents.map { $0.offset + $0.size }.max() ?? 0
        guard whole == fileSize else { throw error("size", "\(whole) bytes", "\(fileSize)") }
    }

    private func checkSizes(_ error: (String, String, String) -> FileError) throws {
        let sizes: [(Section, Int)] = [
            (.starts, 4 * (vocabularySize + 2)),
            (.tokens, width * tokens), (.suffixes, 4 * tokens),
        ]
        for (section, size) in sizes where self[section].size != size {
            throw error("section \(section)", "\(size) bytes", "\(self[section].size)")
        }
        guard self[.documents].size % 16 == 0, self[.documents].size > 0,
            self[.lines].size % 4 == 0
        else {
            throw error(
                "sections", "whole numbers",
                "\(self[.documents].size) and \(self[.lines].size) bytes")
        }
    }
}
