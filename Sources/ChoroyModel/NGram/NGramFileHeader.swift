import ChoroySystem
import ChoroyText

/// What a `.ngram` file says of itself before its sections.
///
/// Little-endian numbers: the magic bytes, version, size of the header; layout, unit, order, hash of the tokenizer;
/// vocabulary size, end token, n-grams of each order; a table with kind, level, place, size and xxHash of each
/// section; the xxHash of all of the header before it. Sections begin at multiples of 64.
struct NGramFileHeader: Equatable {
    static let magic = Array("choroy n".utf8)
    static let version: UInt32 = 1
    static let alignment = 64

    struct Section: Equatable {
        enum Kind: UInt32 {
            case words = 1
            case characters, rows, index, unigrams, records, branches, samples, codes
        }

        var kind: Kind
        var level: Int
        var offset = 0
        var size: Int
        var hash: UInt64

        var name: String { "section \(kind) of order \(level + 1)" }
    }

    var layout: NGramFile.Layout
    var unit: NGramVocabulary.Unit
    var tokenizerHash: String?
    var vocabularySize: Int
    var endToken: TokenID?
    var counts: [Int]
    var sections: [Section]

    /// The header as it stands in the file, with the places of the sections filled in.
    mutating func bytes() -> [UInt8] {
        var place = Self.aligned(size)
        for index in sections.indices {
            sections[index].offset = place
            place = Self.aligned(place + sections[index].size)
        }
        var bytes = Self.magic
        func append(_ value: some FixedWidthInteger) {
            for byte in 0..<value.bitWidth / 8 {
                bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte)))
            }
        }
        append(Self.version)
        append(UInt32(size))
        append(layout.number)
        append(UInt32(NGramVocabulary.Unit.allCases.firstIndex(of: unit) ?? 0))
        append(UInt32(counts.count))
        append(UInt32(tokenizerHash == nil ? 0 : 1))
        bytes += Array((tokenizerHash ?? "").utf8.prefix(64))
        while bytes.count < 96 { bytes.append(0) }
        append(UInt64(vocabularySize))
        append(Int64(endToken ?? -1))
        for count in counts { append(UInt64(count)) }
        append(UInt64(sections.count))
        for section in sections {
            append(section.kind.rawValue)
            append(UInt32(section.level))
            append(UInt64(section.offset))
            append(UInt64(section.size))
            append(section.hash)
        }
        append(XXHash64.value(bytes))
        return bytes
    }

    /// In bytes.
    var size: Int { 16 + 16 + 64 + 16 + 8 * counts.count + 8 + 32 * sections.count + 8 }

    static func aligned(_ place: Int) -> Int { (place + alignment - 1) / alignment * alignment }

    /// Reads and checks the header: its hash, and that all sections lie in the file.
    init(_ file: RandomAccessFile) throws {
        let path = file.path
        var start = ByteReader(try file.read(min(16, file.size), at: 0), path: path)
        guard try start.take(min(8, start.remaining)).elementsEqual(Self.magic) else {
            throw FileError(path, at: "byte 0", expected: "an n-gram file", found: "another kind")
        }
        let version = try start.integer(UInt32.self, "bytes of a version")
        guard version == Self.version else {
            throw FileError(
                path, at: "byte 8", expected: "version \(Self.version)", found: "\(version)")
        }
        let size = Int(try start.integer(UInt32.self, "bytes of a size"))
        guard size >= 136, size <= 1 << 20, size <= file.size else {
            throw FileError(
                path, at: "byte 12", expected: "a header within \(file.size) bytes",
                found: "one of \(size)")
        }
        let bytes = try file.read(size, at: 0)
        var reader = ByteReader(bytes, path: path)
        _ = try reader.take(size - 8)
        let hash = try reader.integer(UInt64.self, "bytes of a hash")
        guard hash == XXHash64.value(Array(bytes.dropLast(8))) else {
            throw FileError(
                path, at: "bytes 0 to \(size)", expected: "a header with its own hash",
                found: "a damaged one")
        }
        reader = ByteReader(bytes, path: path)
        _ = try reader.take(16)
        try self.init(&reader)
        try check(file)
    }

    private init(_ reader: inout ByteReader) throws {
        let path = reader.path
        let number = try reader.integer(UInt32.self, "bytes of a layout")
        guard let layout = NGramFile.Layout.allCases.first(where: { $0.number == number }) else {
            throw FileError(path, at: "byte 16", expected: "a layout", found: "\(number)")
        }
        self.layout = layout
        let unit = Int(try reader.integer(UInt32.self, "bytes of a unit"))
        guard unit < NGramVocabulary.Unit.allCases.count else {
            throw FileError(path, at: "byte 20", expected: "a unit", found: "\(unit)")
        }
        self.unit = NGramVocabulary.Unit.allCases[unit]
        let order = Int(try reader.integer(UInt32.self, "bytes of an order"))
        guard order >= 1, order <= NGramEstimate.maximumOrder else {
            throw FileError(
                path, at: "byte 24", expected: "an order of 1 to \(NGramEstimate.maximumOrder)",
                found: "\(order)")
        }
        let hasHash = try reader.integer(UInt32.self, "bytes") != 0
        let hash = try reader.take(64).prefix { $0 != 0 }
        tokenizerHash = hasHash ? String(decoding: hash, as: UTF8.self) : nil
        vocabularySize = try reader.size("a size")
        let end = Int64(bitPattern: try reader.integer(UInt64.self, "bytes of a token"))
        guard vocabularySize > 0, vocabularySize < Int(Int32.max), end >= -1, end < vocabularySize
        else {
            throw FileError(
                path, at: "byte 96", expected: "a vocabulary with its end token",
                found: "\(vocabularySize) and \(end)")
        }
        endToken = end < 0 ? nil : TokenID(end)
        counts = []
        for level in 0..<order {
            let count = try reader.size("a count")
            let unigrams = vocabularySize + (endToken == nil ? 0 : 1)
            guard count < UInt32.max, level > 0 || count == unigrams else {
                throw FileError(
                    path, at: "byte \(112 + 8 * level)",
                    expected: level > 0 ? "a count below 2^32" : "\(unigrams) unigrams",
                    found: "\(count)")
            }
            counts.append(count)
        }
        sections = []
        let sectionCount = try reader.size("a number of sections")
        guard sectionCount == (reader.remaining - 8) / 32 else {
            throw FileError(
                path, expected: "\((reader.remaining - 8) / 32) sections", found: "\(sectionCount)")
        }
        for _ in 0..<sectionCount {
            let number = try reader.integer(UInt32.self, "bytes of a kind")
            let level = Int(try reader.integer(UInt32.self, "bytes of a level"))
            guard let kind = Section.Kind(rawValue: number), level < order else {
                throw FileError(
                    path, expected: "a known section", found: "kind \(number), level \(level)")
            }
            sections.append(
                Section(
                    kind: kind, level: level, offset: try reader.size("a place"),
                    size: try reader.size("a size"),
                    hash: try reader.integer(UInt64.self, "bytes of a hash")))
        }
    }

    init(
        layout: NGramFile.Layout, unit: NGramVocabulary.Unit, tokenizerHash: String?,
        vocabularySize: Int, endToken: TokenID?, counts: [Int], sections: [Section]
    ) {
        self.layout = layout
        self.unit = unit
        self.tokenizerHash = tokenizerHash
        self.vocabularySize = vocabularySize
        self.endToken = endToken
        self.counts = counts
        self.sections = sections
    }

    private func check(_ file: RandomAccessFile) throws {
        for section in sections {
            guard section.offset % Self.alignment == 0, section.offset <= file.size,
                section.size <= file.size - section.offset
            else {
                throw FileError(
                    file.path, at: "\(section.name), byte \(section.offset)",
                    expected: "\(section.size) bytes",
                    found: "\(max(0, file.size - section.offset))")
            }
        }
    }

    /// The only section of a kind and level, with at least so many bytes.
    func section(_ kind: Section.Kind, _ level: Int, atLeast size: Int, path: String) throws
        -> Section
    {
        guard let section = sections.first(where: { $0.kind == kind && $0.level == level }) else {
            throw FileError(
                path, expected: "section \(kind) of order \(level + 1)", found: "none")
        }
        guard section.size >= size else {
            throw FileError(
                path, at: section.name, expected: "\(size) bytes", found: "\(section.size)")
        }
        return section
    }
}
