import ChoroySystem

/// A tokenizer as bytes inside a file of our own, which is opened much faster than a `tokenizer.json`: ids are numbers
/// already and no name has to be looked up.
///
///     "CHOROYTS"                                            8 bytes
///     a tokenizer.json without names and merges             size, bytes
///     tokens                                                number, size of each, bytes
///     merges: left, right and result                        number, 3 each
///     the ids of the 256 bytes, all ones for none
///
/// All numbers are UInt32, little endian. A tokenizer of SentencePiece is a `tokenizer.json` as it is.
enum TokenizerSnapshot {
    private static let magic = Array("CHOROYTS".utf8)

    static func bytes(_ tokenizer: Tokenizer) -> [UInt8] {
        guard tokenizer.sentencePiece == nil else { return TokenizerFile.bytes(tokenizer) }
        var bytes = magic
        func append(_ number: Int) {
            let number = UInt32(truncatingIfNeeded: number)
            for index in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
        }
        let json = TokenizerFile.bytes(tokenizer, hasLists: false)
        append(json.count)
        bytes += json
        append(tokenizer.tokens.count)
        for id in 0..<tokenizer.tokens.count { append(tokenizer.tokens.length(of: id)) }
        for id in 0..<tokenizer.tokens.count { bytes += tokenizer.tokens.bytes(of: id) }
        let merges = tokenizer.merges
        append(merges.count)
        for merge in merges {
            for id in [merge.left, merge.right, merge.result] { append(Int(id)) }
        }
        for id in tokenizer.mergeTable.byteTokens { append(Int(id)) }
        return bytes
    }

    /// - Throws: `FileError` when the bytes are none that `bytes` gives.
    static func read(_ bytes: [UInt8], path: String) throws -> Tokenizer {
        guard bytes.starts(with: magic) else {
            return try TokenizerFileReader.read(bytes, path: path)
        }
        var reader = ByteReader(bytes, path: path)
        _ = try reader.take(magic.count)
        let json = try reader.take(Int(try reader.integer(UInt32.self, "size")))
        guard let root = try JSONReader.parse(Array(json), path: path).object else {
            throw FileError(path, at: "tokenizer", expected: "an object", found: "another value")
        }
        let count = Int(try reader.integer(UInt32.self, "tokens"))
        guard count <= BPETrainer.largestVocabulary else {
            throw FileError(
                path, at: "tokenizer", expected: "at most \(BPETrainer.largestVocabulary) tokens",
                found: "\(count)")
        }
        let sizes = try numbers(count, &reader)
        var tokens = TokenTable()
        tokens.reserve(count, bytes: reader.remaining)
        for size in sizes { tokens.append(try reader.take(Int(UInt32(bitPattern: size)))) }
        let mergeCount = Int(try reader.integer(UInt32.self, "merges"))
        guard mergeCount <= MergeTable.mostMerges else {
            throw FileError(
                path, at: "tokenizer", expected: "at most \(MergeTable.mostMerges) merges",
                found: "\(mergeCount)")
        }
        let sides = try numbers(3 * mergeCount, &reader)
        let byteTokens = try numbers(256, &reader)
        guard reader.remaining == 0, sides.allSatisfy({ $0 >= 0 && $0 < count }),
            byteTokens.allSatisfy({ $0 >= -1 && $0 < count })
        else {
            throw FileError(
                path, at: "tokenizer", expected: "ids below \(count), and then its end",
                found: "others, or \(reader.remaining) bytes more")
        }
        let merges = (0..<mergeCount).map {
            MergeTable.Merge(
                left: sides[3 * $0], right: sides[3 * $0 + 1], result: sides[3 * $0 + 2])
        }
        return try TokenizerFileReader(path: path, root: root).tokenizer(
            tokens: tokens, merges: merges, byteTokens: byteTokens)
    }

    private static func numbers(_ count: Int, _ reader: inout ByteReader) throws -> [Int32] {
        let bytes = try reader.take(4 * count)
        return unsafe bytes.withUnsafeBytes { bytes in
            (0..<count).map {
                unsafe Int32(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))
            }
        }
    }
}

extension Tokenizer {
    /// The tokenizer as bytes, for files that keep it inside.
    package var fileBytes: [UInt8] { TokenizerSnapshot.bytes(self) }

    /// The tokenizer whose `fileBytes` stand in the file at `path`.
    ///
    /// - Throws: `FileError` when they are damaged.
    package init(fileBytes: [UInt8], path: String) throws {
        self = try TokenizerSnapshot.read(fileBytes, path: path)
    }
}
