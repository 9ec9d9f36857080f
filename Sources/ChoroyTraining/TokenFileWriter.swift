internal import ChoroySystem
internal import ChoroyText

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Writes a `TokenFile` while its tokens are made, in memory that does not depend on their number.
struct TokenFileWriter {
    private var file: FileWriter
    private let width: Int
    private var hash = XXHash64()
    private var training = TokenFile.Part()
    private var validation = TokenFile.Part()
    /// What comes behind the tokens to learn from, kept in files without a name meanwhile.
    private let held: Spill
    private let trainingStarts: Spill
    private let validationStarts: Spill
    private var pools: [(weight: Double, end: Int)] = []
    private var largest: TokenID = -1

    /// Begins `file`, which will stand at `path`.
    init(_ file: FileWriter, path: String, key: String, vocabularySize: Int) throws {
        precondition(key.utf8.count == 64, "key \(key)")
        self.file = file
        width = vocabularySize <= 1 << 16 ? 2 : 4
        held = try Spill(beside: path, "held")
        trainingStarts = try Spill(beside: path, "starts")
        validationStarts = try Spill(beside: path, "held-starts")
        try put(TokenFile.magic)
        try put(Self.bytes(TokenFile.version) + Self.bytes(UInt32(width)))
        try put(Array(key.utf8))
        try trainingStarts.append(Self.bytes(0 as UInt64))
        try validationStarts.append(Self.bytes(0 as UInt64))
    }

    /// Appends tokens to the present document of a part.
    mutating func append(_ tokens: [TokenID], bytes: Int, isValidation: Bool) throws {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(width * tokens.count)
        for token in tokens {
            encoded.append(UInt8(truncatingIfNeeded: token))
            encoded.append(UInt8(truncatingIfNeeded: token >> 8))
            guard width == 4 else { continue }
            encoded.append(UInt8(truncatingIfNeeded: token >> 16))
            encoded.append(UInt8(truncatingIfNeeded: token >> 24))
        }
        largest = max(largest, tokens.max() ?? -1)
        if isValidation {
            try held.append(encoded)
            validation.tokens += tokens.count
            validation.bytes += bytes
        } else {
            try put(encoded)
            training.tokens += tokens.count
            training.bytes += bytes
        }
    }

    mutating func endDocument(isValidation: Bool) throws {
        if isValidation {
            validation.documents += 1
            try validationStarts.append(Self.bytes(UInt64(validation.tokens)))
        } else {
            training.documents += 1
            try trainingStarts.append(Self.bytes(UInt64(training.tokens)))
        }
    }

    /// Ends a stretch of documents that have one weight.
    mutating func endPool(weight: Double) {
        let end = training.documents
        if let last = pools.last, last.weight == weight { pools.removeLast() }
        if end > (pools.last?.end ?? 0) { pools.append((weight, end)) }
    }

    /// Writes what comes behind the tokens.
    mutating func finish() throws {
        try held.forEachPiece { try put($0) }
        let rest = width * (training.tokens + validation.tokens) % 8
        if rest > 0 { try put([UInt8](repeating: 0, count: 8 - rest)) }
        try trainingStarts.forEachPiece { try put($0) }
        try validationStarts.forEachPiece { try put($0) }
        for pool in pools {
            try put(Self.bytes(pool.weight.bitPattern) + Self.bytes(UInt64(pool.end)))
        }
        for count in [
            training.tokens, training.documents, training.bytes, validation.tokens,
            validation.documents, validation.bytes, Int(largest), pools.count,
        ] { try put(Self.bytes(UInt64(bitPattern: Int64(count)))) }
        try file.append(Self.bytes(hash.value))
    }

    private mutating func put(_ bytes: [UInt8]) throws {
        hash.update(bytes)
        try file.append(bytes)
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}

/// Bytes that wait on the disk until they are read again, in a file without a name.
private final class Spill {
    private let writer: FileWriter
    private let reader: RandomAccessFile

    init(beside path: String, _ name: String) throws {
        let place = "\(path).tmp-\(getpid())-\(name)"
        writer = try FileWriter(path: place, flags: O_WRONLY | O_CREAT | O_TRUNC, reportedAs: path)
        defer { unsafe unlink(place) }
        reader = try RandomAccessFile(path: place)
    }

    func append(_ bytes: [UInt8]) throws { try writer.append(bytes) }

    func forEachPiece(_ body: ([UInt8]) throws -> Void) throws {
        try writer.flush()
        var place = 0
        while place < writer.count {
            let count = min(1 << 20, writer.count - place)
            var piece = [UInt8](repeating: 0, count: count)
            try unsafe piece.withUnsafeMutableBytes { try unsafe reader.read(into: $0, at: place) }
            try body(piece)
            place += count
        }
    }
}
