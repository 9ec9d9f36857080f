/// Byte-pair encoding of characters as SentencePiece does it for Llama 2: of all neighbours that together
/// are a token the ones of the highest score are merged, the leftmost of equals. A character that is no
/// token becomes the tokens of its bytes.
///
/// Texts are not cut into words. Spaces stand for `▁` in all tokens here, and one comes before each text.
/// Source: Kudo & Richardson 2018, https://arxiv.org/abs/1808.06226; llama.cpp, `llm_tokenizer_spm`.
struct SentencePieceMerging: Sendable {
    /// What decides on merges.
    private enum Order {
        /// For each token its place in the order of scores, equal for equals; nil for one that no merge
        /// makes.
        case scores([UInt32?])
        /// A list of merges, as `tokenizer.json` has it.
        case merges(MergeTable)
    }

    /// Where a space comes before a text.
    enum Prefix: Sendable {
        case never, always
        /// As Metaspace does: where the text begins with none, of any text, or of one that nothing stands
        /// before.
        case unlessThere, firstUnlessThere
    }

    private let order: Order
    /// The tokens `<0x00>` … `<0xFF>`; -1 where there is none.
    let byteTokens: [TokenID]
    let unknown: TokenID?
    let prefix: Prefix
    /// How many ranks there are.
    private let rankCount: Int
    /// What spaces are in files.
    static let space = Array("\u{2581}".utf8)

    /// Whether a space comes before a text, which decoding takes away.
    var addsSpace: Bool { prefix != .never }

    init(scores: [Float?], byteTokens: [TokenID], unknown: TokenID?, prefix: Prefix) {
        let sorted = Set(scores.compactMap { $0 }).sorted(by: >)
        var places: [Float: UInt32] = [:]
        for (place, score) in sorted.enumerated() { places[score] = UInt32(place) }
        order = .scores(scores.map { score in score.flatMap { places[$0] } })
        rankCount = sorted.count
        self.byteTokens = byteTokens
        self.unknown = unknown
        self.prefix = prefix
    }

    init(
        merges: [MergeTable.Merge], byteTokens: [TokenID], unknown: TokenID?, prefix: Prefix
    ) {
        order = .merges(MergeTable(merges, byteTokens: byteTokens))
        rankCount = merges.count
        self.byteTokens = byteTokens
        self.unknown = unknown
        self.prefix = prefix
    }

    /// The merges in their order. Those of scores are every way to put a token together from two others; a file of
    /// merges cannot say that two ways are equal, so of these the longer left side comes first, as
    /// Hugging Face converts SentencePiece's models.
    func merges(_ tokens: TokenTable) -> [MergeTable.Merge] {
        guard case .scores(let ranks) = order else {
            if case .merges(let table) = order { return table.merges }
            return []
        }
        var found: [(rank: UInt32, left: Int, merge: MergeTable.Merge)] = []
        for id in 0..<min(tokens.count, ranks.count) {
            guard let rank = ranks[id] else { continue }
            let bytes = Array(tokens.bytes(of: id))
            for cut in 1..<max(1, bytes.count) where bytes[cut] & 0xC0 != 0x80 {
                guard let left = tokens.id(of: bytes[..<cut]),
                    let right = tokens.id(of: bytes[cut...])
                else { continue }
                found.append((rank, cut, .init(left: left, right: right, result: TokenID(id))))
            }
        }
        found.sort { ($0.rank, $1.left, $0.merge.result) < ($1.rank, $0.left, $1.merge.result) }
        return found.map(\.merge)
    }

    /// What decides the ids beside the tokens.
    var fingerprint: [UInt8] {
        var text = "sentencepiece \(prefix) \(unknown ?? -1)\n"
        switch order {
        case .scores(let ranks):
            for rank in ranks { text += "\(rank.map { Int($0) } ?? -1) " }
        case .merges(let table):
            for merge in table.merges { text += "\(merge.left) \(merge.right) \(merge.result)\n" }
        }
        return Array(text.utf8)
    }

    /// Appends the ids of a text without added tokens.
    ///
    /// `isFirst` when nothing stands before it.
    func encode(
        _ text: ArraySlice<UInt8>, isFirst: Bool, _ tokens: TokenTable, into ids: inout [TokenID]
    ) {
        guard !text.isEmpty else { return }
        let text = Self.withSpaces(text)
        let adds =
            switch prefix {
            case .never: false
            case .always: true
            case .unlessThere: text.first != 0x20
            case .firstUnlessThere: isFirst && text.first != 0x20
            }
        merge(adds ? [0x20] + text : text, tokens, into: &ids)
    }

    private func merge(_ text: [UInt8], _ tokens: TokenTable, into ids: inout [TokenID]) {
        var symbols: [TokenID] = []
        var start = 0
        while start < text.count {
            let end = Self.endOfCharacter(in: text, from: start)
            if let id = tokens.id(of: text[start..<end]) {
                symbols.append(id)
            } else {
                merge(&symbols, tokens, into: &ids)
                for byte in text[start..<end] {
                    let id = byteTokens[Int(byte)]
                    if id >= 0 {
                        ids.append(id)
                    } else if let unknown {
                        ids.append(unknown)
                    }
                }
            }
            start = end
        }
        merge(&symbols, tokens, into: &ids)
    }

    /// Appends what becomes of neighbours that are all tokens.
    private func merge(
        _ symbols: inout [TokenID], _ tokens: TokenTable, into ids: inout [TokenID]
    ) {
        defer { symbols.removeAll(keepingCapacity: true) }
        guard symbols.count > 1 else {
            ids += symbols
            return
        }
        var piece = LongPiece(symbols, ranks: max(1, rankCount))
        switch order {
        case .merges(let table):
            piece.encode(into: &ids) { left, right, _, _ in table.merge(left, right) }
        case .scores(let ranks):
            var bytes: [UInt8] = []
            piece.encode(into: &ids) { left, right, _, _ in
                bytes.removeAll(keepingCapacity: true)
                bytes += tokens.bytes(of: Int(left))
                bytes += tokens.bytes(of: Int(right))
                let id = unsafe bytes.withUnsafeBufferPointer { buffer in
                    unsafe buffer.baseAddress.flatMap { unsafe tokens.id(of: $0, buffer.count) }
                }
                guard let id, let rank = ranks[Int(id)] else { return LongPiece.none }
                return UInt64(rank) << 32 | UInt64(id)
            }
        }
    }

    /// A token as files spell it.
    func name(of token: TokenID, _ bytes: [UInt8]) -> String {
        if bytes.count == 1, byteTokens[Int(bytes[0])] == token {
            let digits = String(bytes[0], radix: 16, uppercase: true)
            return "<0x\(bytes[0] < 16 ? "0" : "")\(digits)>"
        }
        return String(decoding: bytes, as: UTF8.self).replacing(" ", with: "\u{2581}")
    }

    /// The same text with spaces for `▁`.
    static func withSpaces(_ text: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + 1)
        for byte in text {
            result.append(byte)
            if byte == 0x81, result.suffix(3).elementsEqual(space) {
                result.removeLast(3)
                result.append(0x20)
            }
        }
        return result
    }

    /// Where the character at `start` ends; a byte that is no part of UTF-8 is one of its own.
    private static func endOfCharacter(in text: [UInt8], from start: Int) -> Int {
        let lead = text[start]
        let length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1
        let end = start + length
        guard end <= text.count, text[start + 1..<end].allSatisfy({ $0 & 0xC0 == 0x80 }) else {
            return start + 1
        }
        return end
    }
}
