import ChoroyText

/// The ids of characters: the bytes, `<|endoftext|>`, then characters beyond ASCII by code point.
struct CharacterTable: Sendable {
    static let endOfText: TokenID = 256

    /// Ascending.
    private let scalars: [Unicode.Scalar]
    /// Ids by code point up to the largest; -1 for characters that are not here.
    private var ids: [TokenID] = []

    var count: Int { 257 + scalars.count }

    /// - Precondition: no scalar is ASCII.
    init(scalars: Set<Unicode.Scalar>) {
        precondition(scalars.allSatisfy { !$0.isASCII }, "CharacterTable: an ASCII character")
        self.scalars = scalars.sorted()
        ids = [TokenID](repeating: -1, count: Int(self.scalars.last?.value ?? 0) + 1)
        for (index, scalar) in self.scalars.enumerated() {
            ids[Int(scalar.value)] = TokenID(257 + index)
        }
    }

    /// The characters of the texts.
    init(in documents: [ArraySlice<UInt8>]) {
        var scalars: Set<Unicode.Scalar> = []
        for document in documents { Self.collect(Array(document), into: &scalars) }
        self.init(scalars: scalars)
    }

    /// Adds the characters of a text beyond ASCII.
    static func collect(_ bytes: [UInt8], into scalars: inout Set<Unicode.Scalar>) {
        var place = 0
        while place < bytes.count {
            if bytes[place] < 0x80 {
                place += 1
                continue
            }
            let (scalar, length) = UTF8Scalar.decode(bytes, at: place)
            if let scalar { scalars.insert(scalar) }
            place += length
        }
    }

    func encode(_ bytes: [UInt8]) -> [TokenID] {
        var result: [TokenID] = []
        result.reserveCapacity(bytes.count)
        var place = 0
        while place < bytes.count {
            if bytes[place] < 0x80 {
                result.append(TokenID(bytes[place]))
                place += 1
                continue
            }
            let (scalar, length) = UTF8Scalar.decode(bytes, at: place)
            if let scalar, Int(scalar.value) < ids.count, ids[Int(scalar.value)] >= 0 {
                result.append(ids[Int(scalar.value)])
            } else {
                for byte in bytes[place..<place + length] { result.append(TokenID(byte)) }
            }
            place += length
        }
        return result
    }

    func bytes(of token: TokenID) -> [UInt8] {
        if token < 256 { return [UInt8(token)] }
        if token == Self.endOfText { return [] }
        return Array(String(Character(scalars[Int(token) - 257])).utf8)
    }
}
