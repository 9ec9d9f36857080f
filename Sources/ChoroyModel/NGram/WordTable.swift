/// Byte strings numbered from 0 in the order they were added.
struct WordTable: Sendable {
    private var bytes: [UInt8] = []
    private var starts: [Int] = [0]
    /// Numbers by hash, -1 where free; the size is a power of two and at most half is taken.
    private var slots: [Int32] = [Int32](repeating: -1, count: 1024)

    var count: Int { starts.count - 1 }

    /// The bytes of word `index`.
    subscript(index: Int) -> ArraySlice<UInt8> { bytes[starts[index]..<starts[index + 1]] }

    /// The number of the word that is `source[range]`.
    func find(_ source: [UInt8], _ range: Range<Int>) -> Int? {
        let number = slots[slot(of: source, range)]
        return number < 0 ? nil : Int(number)
    }

    func find(_ word: some Collection<UInt8>) -> Int? { find(Array(word), 0..<word.count) }

    /// The number of the word, which is added when it is new.
    @discardableResult
    mutating func insert(_ source: [UInt8], _ range: Range<Int>) -> (index: Int, isNew: Bool) {
        var place = slot(of: source, range)
        if slots[place] >= 0 { return (Int(slots[place]), false) }
        precondition(count < Int(Int32.max), "more than \(Int32.max) words")
        if 2 * (count + 1) > slots.count {
            grow()
            place = slot(of: source, range)
        }
        slots[place] = Int32(count)
        bytes += source[range]
        starts.append(bytes.count)
        return (count - 1, true)
    }

    @discardableResult
    mutating func insert(_ word: some Collection<UInt8>) -> (index: Int, isNew: Bool) {
        insert(Array(word), 0..<word.count)
    }

    /// The slot that holds the word, or the free one where it belongs.
    private func slot(of source: [UInt8], _ range: Range<Int>) -> Int {
        var place = Int(truncatingIfNeeded: Self.hash(source, range)) & (slots.count - 1)
        while slots[place] >= 0 && !matches(Int(slots[place]), source, range) {
            place = (place + 1) & (slots.count - 1)
        }
        return place
    }

    private func matches(_ index: Int, _ source: [UInt8], _ range: Range<Int>) -> Bool {
        let start = starts[index]
        guard starts[index + 1] - start == range.count else { return false }
        for offset in 0..<range.count
        where bytes[start + offset] != source[range.lowerBound + offset] {
            return false
        }
        return true
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: slots.count * 2)
        for index in 0..<count {
            var place =
                Int(truncatingIfNeeded: Self.hash(bytes, starts[index]..<starts[index + 1]))
                & (slots.count - 1)
            while slots[place] >= 0 { place = (place + 1) & (slots.count - 1) }
            slots[place] = Int32(index)
        }
    }

    /// FNV-1a of 64 bits, its high bits folded into the low ones.
    private static func hash(_ source: [UInt8], _ range: Range<Int>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in range { hash = (hash ^ UInt64(source[index])) &* 0x100_0000_01B3 }
        return hash ^ hash >> 29
    }
}
