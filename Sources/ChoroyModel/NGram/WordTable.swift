import CChoroyKernels

/// Byte strings numbered from 0 in the order they were added.
struct WordTable: Sendable {
    private var bytes: [UInt8] = []
    private var starts: [Int] = [0]
    /// The high half of the hash and the number and 1, 0 where free; the size is a power of two and at most half is taken.
    private var slots: [UInt64]

    /// An empty table with room for so many words.
    init(capacity: Int = 512) {
        var size = 1024
        while size < 2 * capacity { size *= 2 }
        slots = [UInt64](repeating: 0, count: size)
    }

    var count: Int { starts.count - 1 }

    /// The bytes of word `index`.
    subscript(index: Int) -> ArraySlice<UInt8> { bytes[starts[index]..<starts[index + 1]] }

    /// The number of a word.
    func find(_ word: some Collection<UInt8>) -> Int? { find(Array(word), 0..<word.count) }

    /// The number of the word that is `source[range]`.
    func find(_ source: [UInt8], _ range: Range<Int>) -> Int? {
        unsafe source.withUnsafeBufferPointer { unsafe find($0, range, Self.hash($0, range)) }
    }

    /// The same when the hash is known.
    @inline(__always)
    func find(_ source: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ hash: UInt64) -> Int? {
        let value = unsafe slots[slot(of: source, range, hash)]
        return value == 0 ? nil : Int(truncatingIfNeeded: value & 0xFFFF_FFFF) - 1
    }

    /// Asks for the slot of a hash.
    @inline(__always) func prefetch(_ hash: UInt64) {
        unsafe slots.withUnsafeBufferPointer { slots in
            guard let base = slots.baseAddress else { return }
            unsafe choroy_prefetch(base + Int(truncatingIfNeeded: hash) & (slots.count - 1))
        }
    }

    /// The number of a word, which is added when it is new.
    @discardableResult
    mutating func insert(_ word: some Collection<UInt8>) -> (index: Int, isNew: Bool) {
        insert(Array(word), 0..<word.count)
    }

    @discardableResult
    mutating func insert(_ source: [UInt8], _ range: Range<Int>) -> (index: Int, isNew: Bool) {
        unsafe source.withUnsafeBufferPointer { unsafe insert($0, range) }
    }

    /// The number of the word that is `source[range]`, which is added when it is new.
    @discardableResult
    mutating func insert(_ source: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> (
        index: Int, isNew: Bool
    ) {
        let hash = unsafe Self.hash(source, range)
        var place = unsafe slot(of: source, range, hash)
        if slots[place] != 0 {
            return (Int(truncatingIfNeeded: slots[place] & 0xFFFF_FFFF) - 1, false)
        }
        precondition(count < Int(Int32.max), "more than \(Int32.max) words")
        if 2 * (count + 1) > slots.count {
            grow()
            place = unsafe slot(of: source, range, hash)
        }
        slots[place] = Self.value(hash, count)
        unsafe bytes += source[range]
        starts.append(bytes.count)
        return (count - 1, true)
    }

    private static func value(_ hash: UInt64, _ index: Int) -> UInt64 {
        hash & 0xFFFF_FFFF_0000_0000 | UInt64(index + 1)
    }

    /// The slot that holds the word, or the free one where it belongs.
    @inline(__always)
    private func slot(
        of source: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ hash: UInt64
    ) -> Int {
        var place = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while true {
            let value = slots[place]
            if value == 0 { break }
            if unsafe value >> 32 == hash >> 32
                && matches(Int(truncatingIfNeeded: value & 0xFFFF_FFFF) - 1, source, range)
            {
                break
            }
            place = (place + 1) & (slots.count - 1)
        }
        return place
    }

    private func matches(
        _ index: Int, _ source: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
    ) -> Bool {
        let start = starts[index]
        let count = starts[index + 1] - start
        guard count == range.count else { return false }
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            if count <= 8, start + 8 <= bytes.count, range.lowerBound + 8 <= source.count {
                let own = unsafe UnsafeRawBufferPointer(bytes).loadUnaligned(
                    fromByteOffset: start, as: UInt64.self)
                let other = unsafe UnsafeRawBufferPointer(source).loadUnaligned(
                    fromByteOffset: range.lowerBound, as: UInt64.self)
                // The bytes that count are the lowest.
                return count == 0
                    || UInt64(littleEndian: own ^ other) << UInt64(64 - 8 * count) == 0
            }
            for offset in 0..<count
            where unsafe bytes[start + offset] != source[range.lowerBound + offset] {
                return false
            }
            return true
        }
    }

    private mutating func grow() {
        slots = [UInt64](repeating: 0, count: slots.count * 2)
        for index in 0..<count {
            let range = starts[index]..<starts[index + 1]
            let hash = unsafe bytes.withUnsafeBufferPointer { unsafe Self.hash($0, range) }
            var place = Int(truncatingIfNeeded: hash) & (slots.count - 1)
            while slots[place] != 0 { place = (place + 1) & (slots.count - 1) }
            slots[place] = Self.value(hash, index)
        }
    }

    /// A hash of 64 bits that takes eight bytes a step.
    @inline(__always)
    static func hash(_ source: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> UInt64 {
        precondition(range.lowerBound >= 0 && range.upperBound <= source.count, "\(range)")
        let bytes = UnsafeRawBufferPointer(source)
        var hash = UInt64(range.count) &* 0x9E37_79B9_7F4A_7C15
        var place = range.lowerBound
        while place + 8 <= range.upperBound {
            let word = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            hash = mix(hash ^ UInt64(littleEndian: word))
            place += 8
        }
        let left = range.upperBound - place
        if left == 0 { return mix(hash) }
        var rest: UInt64 = 0
        if place + 8 <= bytes.count {
            let word = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            rest = UInt64(littleEndian: word) & (1 << UInt64(8 * left) - 1)
        } else {
            for offset in (0..<left).reversed() {
                rest = unsafe rest << 8 | UInt64(source[place + offset])
            }
        }
        return mix(hash ^ rest)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return high ^ low
    }
}
