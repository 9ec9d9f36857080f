/// The words of a text, some at a time: what stands between ASCII white space.
///
/// The marks `<s>` and `</s>` as words of a text are left out, as white space is.
@safe struct WordScanner {
    /// Where words are that `next` found; an empty range at a line end.
    private(set) var words: [Range<Int>] = []

    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0
    private static let limit = 256

    /// - Parameter bytes: they live as long as the scanner.
    init(_ bytes: UnsafeBufferPointer<UInt8>) { unsafe self.bytes = bytes }

    /// Goes on to the next words; false at the end of the text.
    mutating func next() -> Bool {
        words.removeAll(keepingCapacity: true)
        let end = unsafe bytes.count
        while words.count < Self.limit {
            while unsafe place < end && Self.isSpace(bytes[place]) {
                if unsafe bytes[place] == 10 { words.append(place..<place) }
                place += 1
            }
            if place == end { break }
            let start = place
            place = endOfWord(from: place)
            if unsafe bytes[start] != UInt8(ascii: "<") || !isMark(start..<place) {
                words.append(start..<place)
            }
        }
        return !words.isEmpty
    }

    /// The first white space from a place on, or the end.
    @inline(__always) private func endOfWord(from start: Int) -> Int {
        let raw = unsafe UnsafeRawBufferPointer(bytes)
        var place = start
        while true {
            while place + 8 <= raw.count {
                let word = unsafe UInt64(
                    littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                // The highest bit of each byte up to a space, the lowest of them for certain.
                let low =
                    (word &- 0x2121_2121_2121_2121) & ~word & 0x8080_8080_8080_8080
                if low != 0 {
                    place += low.trailingZeroBitCount >> 3
                    break
                }
                place += 8
            }
            while unsafe place < raw.count && raw[place] > 32 { place += 1 }
            if unsafe place == raw.count || Self.isSpace(raw[place]) { return place }
            place += 1
        }
    }

    @inline(__always) private static func isSpace(_ byte: UInt8) -> Bool {
        byte <= 32 && (byte == 32 || (byte >= 9 && byte <= 13) || byte == 0)
    }

    private func isMark(_ range: Range<Int>) -> Bool {
        let word = unsafe UnsafeBufferPointer(rebasing: bytes[range])
        return ["<s>", "</s>"].contains { unsafe word.elementsEqual($0.utf8) }
    }
}
