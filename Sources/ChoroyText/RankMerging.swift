/// Byte-pair encoding where the id of a token is its rank: always the two neighbours whose bytes
/// together are the token of lowest id, the leftmost of equals, as tiktoken merges.
struct RankMerging: PieceMerging, Sendable {
    private let tokens: TokenTable
    let byteTokens: [TokenID]
    let hasAllBytes: Bool
    var hasLengths: Bool { true }
    /// The ids of all pairs of bytes, which pieces begin with; -1 for none.
    private let bytePairs: [TokenID]
    let digits = LazyDigitMerging()

    var rankCount: Int { tokens.count }

    /// - Precondition: the tokens are listed.
    init(_ tokens: TokenTable) {
        self.tokens = tokens
        byteTokens = (UInt8.min...UInt8.max).map { tokens.id(of: [$0]) ?? -1 }
        hasAllBytes = byteTokens.allSatisfy { $0 >= 0 }
        var bytePairs = [TokenID](repeating: -1, count: 1 << 16)
        for id in 0..<tokens.count where tokens.length(of: id) == 2 {
            let bytes = Array(tokens.bytes(of: id))
            if tokens.id(of: bytes) == TokenID(id) {
                bytePairs[Int(bytes[0]) << 8 | Int(bytes[1])] = TokenID(id)
            }
        }
        self.bytePairs = bytePairs
    }

    @inline(__always)
    func rank(
        _ left: TokenID, _ right: TokenID, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> UInt32? {
        guard count > 2 else { return unsafe rank(ofBytes: bytes) }
        return unsafe tokens.id(of: bytes, count).map { UInt32(bitPattern: $0) }
    }

    @inline(__always)
    func rank(ofBytes bytes: UnsafePointer<UInt8>) -> UInt32? {
        let id = unsafe bytePairs[Int(bytes[0]) << 8 | Int(bytes[1])]
        return id < 0 ? nil : UInt32(bitPattern: id)
    }

    @inline(__always)
    func result(of rank: UInt32) -> TokenID { TokenID(bitPattern: rank) }

    /// The merges that say the same: for each token every way to make it of two, in the order of ids.
    static func merges(of tokens: TokenTable) -> [MergeTable.Merge] {
        merges(of: tokens) { _ in true }
    }

    private static func merges(
        of tokens: TokenTable, where isWanted: (ArraySlice<UInt8>) -> Bool
    ) -> [MergeTable.Merge] {
        var merges: [MergeTable.Merge] = []
        for id in 0..<tokens.count
        where tokens.length(of: id) > 1 && isWanted(tokens.bytes(of: id)) {
            let bytes = Array(tokens.bytes(of: id))
            guard tokens.id(of: bytes) == TokenID(id) else { continue }
            for middle in 1..<bytes.count {
                if let left = tokens.id(of: bytes[..<middle]),
                    let right = tokens.id(of: bytes[middle...])
                {
                    merges.append(.init(left: left, right: right, result: TokenID(id)))
                }
            }
        }
        return merges
    }

    func mergesOfDigits(_ tokens: TokenTable) -> [(rank: Int, merge: MergeTable.Merge)] {
        Self.merges(of: tokens) { $0.allSatisfy(DigitMerging.isDigit) }
            .map { (Int($0.result), $0) }
    }
}
