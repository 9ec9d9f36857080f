import ChoroySystem

/// The words of a text, some at a time: what stands between ASCII white space.
///
/// The marks `<s>` and `</s>` as words of a text are left out, as white space is.
@safe struct WordScanner {
    /// Words that `next` found.
    private(set) var count = 0
    /// Where they begin and end; alike at a line end.
    private let starts = LargeArray<Int>(count: limit)
    private let ends = LargeArray<Int>(count: limit)

    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0
    /// At most so many words are found at a time.
    static let limit = 256

    /// - Parameter bytes: they live as long as the scanner.
    init(_ bytes: UnsafeBufferPointer<UInt8>) { unsafe self.bytes = bytes }

    /// Where a word is; empty at a line end.
    @inline(__always) subscript(index: Int) -> Range<Int> {
        precondition(index >= 0 && index < count, "word \(index) of \(count)")
        return unsafe Range(uncheckedBounds: (starts.pointer[index], ends.pointer[index]))
    }

    /// Goes on to the next words; false at the end of the text.
    mutating func next() -> Bool {
        let (starts, ends) = unsafe (starts.pointer, ends.pointer)
        let size = unsafe bytes.count
        var place = place
        var count = 0
        while count < Self.limit && place < size {
            let byte = unsafe bytes[place]
            if Self.isSpace(byte) {
                if byte == 10 {
                    unsafe starts[count] = place
                    unsafe ends[count] = place
                    count += 1
                }
                place += 1
                continue
            }
            let end = endOfWord(from: place)
            if byte != UInt8(ascii: "<") || !isMark(place..<end) {
                unsafe starts[count] = place
                unsafe ends[count] = end
                count += 1
            }
            place = end
        }
        self.place = place
        self.count = count
        return count > 0
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
                let low = (word &- 0x2121_2121_2121_2121) & ~word & 0x8080_8080_8080_8080
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
