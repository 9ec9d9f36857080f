public import ChoroyModel
internal import ChoroySystem
public import ChoroyText

/// A text as tokens in a file, mapped into memory: the documents to learn from, and those held back.
///
///     "CHOROYTK", version, bytes of a token: 2 or 4        8 + 4 + 4 bytes
///     key: what the tokens were made of                     64 hexadecimal digits
///     tokens to learn from, then those held back            filled up to a multiple of 8 bytes
///     where each document begins, and where the last ends   UInt64, for both parts one after another
///     for each pool its weight and how many documents it ends with        Double, UInt64
///     eight counts, and the XXH64 of everything before them  9 × UInt64
///
/// All numbers are little endian. A file is only used when the hash agrees and the key is the wanted
/// one, so it is a cache that can be deleted at any time.
public final class TokenFile: Sendable {
    static let magic = Array("CHOROYTK".utf8)
    static let version: UInt32 = 1
    static let headerSize = 80
    static let trailerSize = 72

    /// Documents of files that have the same weight, one behind the other.
    public struct Pool: Sendable, Equatable {
        public let documents: Range<Int>
        /// How often each document is read in an epoch.
        public let weight: Double
    }

    /// What is learned from, or what is held back.
    struct Part: Sendable {
        var tokens = 0
        var documents = 0
        /// Of the text that the tokens stand for.
        var bytes = 0
    }

    let training: Part
    let validation: Part
    public let pools: [Pool]
    /// The largest id; -1 when there is none.
    public let largestToken: TokenID
    private let map: MappedFile
    private let width: Int
    private let tables: Int

    /// Opens the file at `path` after checking all of it.
    ///
    /// - Throws: `FileError` when it is missing, damaged, or made of something else than `key` says.
    public init(path: String, key: String) throws {
        func fail(_ place: String, _ expected: String, _ found: String) -> FileError {
            FileError(path, at: place, expected: expected, found: found)
        }
        let map = try MappedFile(path: path)
        self.map = map
        guard map.size >= Self.headerSize + Self.trailerSize else {
            throw fail("size", "a token file", "\(map.size) bytes")
        }
        let trailer = map.size - Self.trailerSize
        let header = unsafe map.withBytes(0..<Self.headerSize) { unsafe Array($0) }
        guard header.starts(with: Self.magic) else {
            throw fail("byte 0", "a token file", "something else")
        }
        let version: UInt32 = map.number(at: 8)
        guard version == Self.version else {
            throw fail("version", "\(Self.version)", "\(version)")
        }
        guard header[16...].elementsEqual(key.utf8) else {
            throw fail("key", "tokens of this text and tokenizer", "those of another")
        }
        let counts = (0..<8).map {
            Int(truncatingIfNeeded: map.number(at: trailer + 8 * $0) as UInt64)
        }
        var hash = XXHash64()
        var place = 0
        while place < map.size - 8 {
            let end = min(place + 1 << 20, map.size - 8)
            unsafe map.withBytes(place..<end) { unsafe hash.update($0) }
            place = end
        }
        guard hash.value == map.number(at: map.size - 8) as UInt64 else {
            throw fail("hash", "that of the content", "another")
        }
        // The hash tells that these are the numbers that were written; all the same none may lead
        // outside the file.
        training = Part(tokens: counts[0], documents: counts[1], bytes: counts[2])
        validation = Part(tokens: counts[3], documents: counts[4], bytes: counts[5])
        largestToken = TokenID(truncatingIfNeeded: counts[6])
        width = Int(map.number(at: 12) as UInt32)
        let bound = map.size
        guard [2, 4].contains(width), counts[..<6].allSatisfy({ $0 >= 0 }),
            [0, 1, 3, 4].allSatisfy({ counts[$0] <= bound }), (0...bound).contains(counts[7])
        else { throw fail("counts", "possible ones", "\(counts)") }
        let tokenBytes = (width * (counts[0] + counts[3]) + 7) / 8 * 8
        tables = Self.headerSize + tokenBytes
        let poolPlace = tables + 8 * (counts[1] + counts[4] + 2)
        guard poolPlace + 16 * counts[7] == trailer else {
            throw fail("size", "\(poolPlace + 16 * counts[7] + Self.trailerSize)", "\(map.size)")
        }
        var pools: [Pool] = []
        var first = 0
        for index in 0..<counts[7] {
            let weight = Double(bitPattern: map.number(at: poolPlace + 16 * index))
            let end = Int(truncatingIfNeeded: map.number(at: poolPlace + 16 * index + 8) as UInt64)
            guard weight > 0, (first...counts[1]).contains(end) else {
                throw fail("pools", "documents one behind the other", "\(end)")
            }
            pools.append(Pool(documents: first..<end, weight: weight))
            first = end
        }
        self.pools = pools
        map.release()
    }

    /// Bytes of the text that is learned from, and of what is held back.
    public var trainingBytes: Int { training.bytes }
    public var validationBytes: Int { validation.bytes }
    public var validationDocuments: Int { validation.documents }

    /// Where a document to learn from begins; for the number behind the last one, where it ends.
    func start(ofDocument document: Int) -> Int {
        precondition(document >= 0 && document <= training.documents, "document \(document)")
        let start: UInt64 = map.number(at: tables + 8 * document)
        return Int(truncatingIfNeeded: start)
    }

    /// The tokens of a document that is held back.
    func validationTokens(_ document: Int) -> Range<Int> {
        precondition(document >= 0 && document < validation.documents, "document \(document)")
        let place = tables + 8 * (training.documents + 1 + document)
        let (start, end): (UInt64, UInt64) = (map.number(at: place), map.number(at: place + 8))
        let first = training.tokens + Int(truncatingIfNeeded: start)
        return first..<max(first, training.tokens + Int(truncatingIfNeeded: end))
    }

    /// Appends tokens of the file, of both parts one after another.
    func append(_ range: Range<Int>, to tokens: inout [TokenID]) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= training.tokens + validation.tokens,
            "tokens \(range)")
        let first = Self.headerSize + width * range.lowerBound
        unsafe map.withBytes(first..<first + width * range.count) { bytes in
            for index in 0..<range.count {
                let token =
                    width == 2
                    ? TokenID(
                        unsafe bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
                    : unsafe bytes.loadUnaligned(fromByteOffset: 4 * index, as: TokenID.self)
                tokens.append(token)
            }
        }
    }

    /// Text held back, of at most about `limit` bytes: the beginnings of documents all over it.
    ///
    /// `encoding` is the tokenizer that the file was made with.
    public func validationSample(limit: Int, encoding: some TextEncoding) -> [EvaluationText] {
        let sizes = (0..<TokenID(encoding.vocabularySize)).map { encoding.bytes(of: $0).count }
        let all = validation.documents
        let isWhole = validation.bytes <= limit
        // As many documents as have the limit's share each, evenly spread.
        let count = isWhole ? all : max(1, min(all, limit / 2048))
        return (0..<count).map { index in
            let range = validationTokens(isWhole ? index : index * all / count)
            // A token that stands for no byte is rare; no share is longer than this.
            let most = isWhole ? range.count : min(range.count, limit)
            var tokens: [TokenID] = []
            append(range.lowerBound..<range.lowerBound + most, to: &tokens)
            var byteCounts = tokens.map { sizes.indices.contains(Int($0)) ? sizes[Int($0)] : 0 }
            if !isWhole {
                var sum = 0
                let end = byteCounts.firstIndex { size in
                    sum += size
                    return sum > limit / count
                }
                let kept = max(1, end ?? tokens.count)
                tokens = Array(tokens.prefix(kept))
                byteCounts = Array(byteCounts.prefix(kept))
            }
            return EvaluationText(tokens: tokens, byteCounts: byteCounts)
        }
    }
}
