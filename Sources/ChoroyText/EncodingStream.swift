/// The ids of a text that comes piece by piece, in memory that does not depend on its length: the same
/// ids as of the text as a whole.
///
/// Text waits until there is a place where every way to go on cuts it alike. A word of any length has no
/// such place inside, so it waits until it is whole.
public struct EncodingStream {
    private let tokenizer: Tokenizer
    private let parsesSpecialTokens: Bool
    /// Text that is not encoded yet.
    private var rest: [UInt8] = []
    /// How much of it there must be before a place to cut is looked for.
    private var wanted: Int

    /// Bytes that are encoded at a time.
    public static let chunkSize = 1 << 20

    /// - Parameter parsingSpecialTokens: As for `Tokenizer.encode`.
    public init(
        _ tokenizer: Tokenizer, parsingSpecialTokens: Bool = false,
        chunkSize: Int = Self.chunkSize
    ) {
        self.tokenizer = tokenizer
        parsesSpecialTokens = parsingSpecialTokens
        wanted = chunkSize
        self.chunkSize = chunkSize
    }

    private let chunkSize: Int

    /// The ids of what `bytes` and the text before them have settled.
    public mutating func append(_ bytes: some Collection<UInt8>) -> [TokenID] {
        rest.append(contentsOf: bytes)
        // A tokenizer that does not cut text into pieces, or looks at its ends, needs all of it.
        guard rest.count >= wanted, tokenizer.sentencePiece == nil,
            tokenizer.normalization?.needsWholeText != true
        else { return [] }
        guard let cut = lastCut() else {
            // Looking again only when there is twice as much keeps the time linear.
            wanted = 2 * rest.count
            return []
        }
        let ids = encode(rest[..<cut])
        rest.removeFirst(cut)
        wanted = rest.count + chunkSize
        return ids
    }

    /// The ids of the rest.
    public mutating func finish() -> [TokenID] {
        defer { rest = [] }
        return encode(rest[...])
    }

    private func encode(_ bytes: ArraySlice<UInt8>) -> [TokenID] {
        tokenizer.encode(bytes, parsingSpecialTokens: parsesSpecialTokens)
    }

    /// The last place where the text can be cut; nil for none.
    private func lastCut() -> Int? {
        let added = tokenizer.added
        let isSought = added.isSought(special: parsesSpecialTokens)
        // A token that begins before the cut must be here as a whole.
        let end = rest.count - (isSought ? added.longest : 0)
        var taken = isSought ? added.ranges(in: rest, special: parsesSpecialTokens)[...] : []
        func isFree(_ cut: Int) -> Bool {
            while let last = taken.last, last.lowerBound > cut { taken.removeLast() }
            return taken.last.map { $0.upperBound < cut } ?? true
        }
        return unsafe rest.withUnsafeBufferPointer { bytes in
            for cut in stride(from: end - 1, to: 0, by: -1)
            where unsafe PreTokenizer.isCut(bytes, at: cut) && isFree(cut) { return cut }
            guard !isSought else { return nil }
            return unsafe lastBorder(bytes)
        }
    }

    /// The same for text without white space: the last border of pieces that nothing behind can move.
    private func lastBorder(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var last: Int?
        // What follows a border by more than some bytes does not move it, unless white space goes on.
        let limit = bytes.count - 64
        unsafe tokenizer.preTokenizer.scan(bytes) { start, _ in
            guard start > 0, start < limit else { return }
            switch unsafe bytes[start] {
            // Symbols and digits: how a word ends may depend on all of it.
            case 0x21...0x40, 0x5B...0x60, 0x7B...0x7E: last = start
            default: break
            }
        }
        return last
    }
}
