internal import CChoroyKernels

/// Byte-pair merges in a piece of a few bytes: the lowest of all pairs is found by looking at all, some at a time.
enum ShortPiece {
    static let longest = 64

    /// Appends the ids of 1 to 64 bytes that are all tokens.
    static func encode(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ merging: some PieceMerging,
        into ids: inout [TokenID]
    ) {
        unsafe withUnsafeTemporaryAllocation(of: TokenID.self, capacity: longest) { symbols in
            unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: longest) { keys in
                guard let symbols = symbols.baseAddress, let keys = keys.baseAddress else { return }
                unsafe encode(base, count, merging, symbols, keys, into: &ids)
            }
        }
    }

    /// `keys` are the ranks of pairs, each with its place in the lowest bits, so that the lowest of all is the
    /// leftmost of lowest rank.
    @inline(__always)
    private static func encode(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ merging: some PieceMerging,
        _ symbols: UnsafeMutablePointer<TokenID>, _ keys: UnsafeMutablePointer<Int32>,
        into ids: inout [TokenID]
    ) {
        let groups = (count + 15) / 16
        unsafe keys.initialize(repeating: .max, count: 16 * groups)
        // The places where a part begins.
        var alive: UInt64 = count == 64 ? .max : 1 << UInt64(count) - 1
        func behind(_ place: Int) -> UInt64 { alive & (~1 << UInt64(place)) }
        func key(_ rank: UInt32?, _ place: Int) -> Int32 {
            rank.map { Int32(bitPattern: $0) << 6 | Int32(truncatingIfNeeded: place) } ?? .max
        }
        /// Notes the rank of the part at `place` and the one at `right`.
        func note(_ place: Int, _ right: Int) {
            let rest = behind(right)
            let end = rest == 0 ? count : rest.trailingZeroBitCount
            let rank = unsafe merging.rank(
                symbols[place], symbols[right], base + place, end - place)
            unsafe keys[place] = key(rank, place)
        }
        /// Few numbers are there sooner one by one, since they were just written.
        func lowest() -> Int32 {
            var (lowest, rest) = (Int32.max, alive)
            while rest != 0 {
                lowest = unsafe min(lowest, keys[rest.trailingZeroBitCount])
                rest &= rest - 1
            }
            return lowest
        }
        unsafe merging.byteTokens.withUnsafeBufferPointer { byteTokens in
            for place in 0..<count {
                unsafe symbols[place] = byteTokens[Int(base[place])]
            }
        }
        for place in 0..<count - 1 {
            unsafe keys[place] = key(merging.rank(ofBytes: base + place), place)
        }
        while true {
            let key = unsafe groups == 1 ? lowest() : choroy_lowest(keys, groups)
            guard key != .max else { break }
            let place = Int(key & 63)
            let right = behind(place).trailingZeroBitCount
            alive &= ~(1 << UInt64(right))
            unsafe symbols[place] = merging.result(of: UInt32(bitPattern: key >> 6))
            unsafe keys[right] = .max
            unsafe keys[place] = .max
            let rest = behind(place)
            if rest != 0 { note(place, rest.trailingZeroBitCount) }
            let before = alive & (1 << UInt64(place) - 1)
            if before != 0 { note(63 - before.leadingZeroBitCount, place) }
        }
        while alive != 0 {
            unsafe ids.append(symbols[alive.trailingZeroBitCount])
            alive &= alive - 1
        }
    }
}
