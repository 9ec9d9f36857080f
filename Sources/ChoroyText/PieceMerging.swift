/// What merges the bytes of a piece, one pair after another: always the pair of lowest rank, the leftmost of
/// equals.
protocol PieceMerging {
    /// The id of each byte; -1 when the vocabulary has none.
    var byteTokens: [TokenID] { get }
    var hasAllBytes: Bool { get }
    /// Whether each token has as many bytes as it is merged from.
    var hasLengths: Bool { get }
    /// Ranks are below this.
    var rankCount: Int { get }
    /// All merges of two tokens of digits, with their ranks.
    func mergesOfDigits(_ tokens: TokenTable) -> [(rank: Int, merge: MergeTable.Merge)]
    var digits: LazyDigitMerging { get }
    /// The rank of the merge of two neighbours, which together are these bytes; nil when they do not merge.
    func rank(
        _ left: TokenID, _ right: TokenID, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> UInt32?
    /// The same for two bytes, which all pieces begin with.
    func rank(ofBytes bytes: UnsafePointer<UInt8>) -> UInt32?
    /// What the merge of this rank makes.
    func result(of rank: UInt32) -> TokenID
}

extension PieceMerging {
    static var none: UInt64 { .max }

    /// rank << 32 | result of two neighbours; all ones when they do not merge.
    @inline(__always)
    func merge(
        _ left: TokenID, _ right: TokenID, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> UInt64 {
        unsafe rank(left, right, bytes, count)
            .map { UInt64($0) << 32 | UInt64(UInt32(bitPattern: result(of: $0))) } ?? Self.none
    }

    /// Appends the ids of one piece; a byte that is no token is passed over.
    @inline(__always)
    func encode(
        _ piece: UnsafeBufferPointer<UInt8>, _ tokens: TokenTable, into ids: inout [TokenID]
    ) {
        guard hasAllBytes else {
            return unsafe piece.filter { byteTokens[Int($0)] >= 0 }.withUnsafeBufferPointer {
                unsafe encodeComplete($0, tokens, into: &ids)
            }
        }
        unsafe encodeComplete(piece, tokens, into: &ids)
    }

    private func encodeComplete(
        _ piece: UnsafeBufferPointer<UInt8>, _ tokens: TokenTable, into ids: inout [TokenID]
    ) {
        guard let base = piece.baseAddress, piece.count > 0 else { return }
        if piece.count <= ShortPiece.longest {
            unsafe ShortPiece.encode(base, piece.count, self, into: &ids)
        } else if !hasLengths {
            unsafe encodeWhole(base, piece.count, into: &ids)
        } else {
            var blocks = unsafe BlockMerging(self, tokens, base, piece.count)
            blocks.encode(into: &ids)
        }
    }

    /// The same in time that may be more than linear, at once.
    func encodeWhole(
        _ base: UnsafePointer<UInt8>, _ count: Int, into ids: inout [TokenID]
    ) {
        if count <= ShortPiece.longest {
            unsafe ShortPiece.encode(base, count, self, into: &ids)
        } else if count < LongPiece.shortest {
            unsafe HeapPiece.encode(base, count, self, into: &ids)
        } else {
            // Parts of a gibibyte keep every position within 32 bits.
            for start in stride(from: 0, to: count, by: 1 << 30) {
                let bytes = unsafe UnsafeBufferPointer(
                    start: base + start, count: min(count - start, 1 << 30))
                var long = unsafe LongPiece(
                    bytes.map { byteTokens[Int($0)] }, ranks: max(1, rankCount))
                long.encode(into: &ids) { left, right, start, end in
                    guard let base = bytes.baseAddress else { return Self.none }
                    return unsafe merge(left, right, base + start, end - start)
                }
            }
        }
    }
}
