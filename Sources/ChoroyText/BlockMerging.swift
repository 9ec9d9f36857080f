#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Byte-pair encoding of a long piece block by block, in linear time.
///
/// A list of tokens is what merging makes of a text just when each two neighbours are what it makes of the bytes
/// of these two. For merging goes on within the bytes of a token as if nothing stood around them, until
/// something merges across a border; and the first merge across a border is decided by the two tokens beside
/// it. So blocks are encoded apart, and where they meet the tokens around are encoded again, more of them until the
/// outermost stay what they are. What repeats a few bytes again and again is encoded for a few thousand
/// bytes, and tokens that come again there are repeated as often as it takes.
@safe struct BlockMerging<Merging: PieceMerging>: ~Copyable {
    private let merging: Merging
    private let tokens: TokenTable
    private let base: UnsafePointer<UInt8>
    private let count: Int
    /// Tokens of a block, and of what is encoded again.
    private var fresh: [TokenID] = []
    private var joint: [TokenID] = []

    private static var block: Int { 64 }
    /// Digits are encoded so many at a time.
    private static var digitBlock: Int { 1 << 14 }
    /// Bytes around a border that are encoded again; more than that are a case for the whole.
    private static var widest: Int { 2048 }
    /// Bytes of a repetition that are encoded to see how its tokens repeat.
    private static var sample: Int { 1536 }
    private static var longestPeriod: Int { 64 }
    /// Repetitions are looked for once in so many bytes.
    private static var step: Int { 1024 }

    /// Bytes that were encoded again.
    private var again = 0

    /// - Precondition: every byte is a token, and tokens have as many bytes as they are merged from.
    init(
        _ merging: Merging, _ tokens: TokenTable, _ base: UnsafePointer<UInt8>, _ count: Int
    ) {
        self.merging = merging
        self.tokens = tokens
        unsafe self.base = base
        self.count = count
    }

    /// Appends the ids of the piece.
    mutating func encode(into ids: inout [TokenID]) {
        let first = ids.count
        var place = 0
        var wanted = 0
        while place < count {
            fresh.removeAll(keepingCapacity: true)
            var end = min(place + Self.block, count)
            if place >= wanted, let repetition = repetition(from: place),
                encodeRepetition(place, repetition)
            {
                end = repetition.end
            } else {
                if place >= wanted { wanted = place + Self.step }
                if let digits = digits(from: place) {
                    end = digits.end
                    unsafe digits.merging.encode(base + place, end - place, into: &fresh)
                } else {
                    unsafe merging.encodeWhole(base + place, end - place, into: &fresh)
                }
            }
            guard join(&ids, first, place) else {
                ids.removeLast(ids.count - first)
                unsafe merging.encodeWhole(base, count, into: &ids)
                return
            }
            place = end
        }
    }

    /// Where the digits that begin here end, and what encodes them, when they are more than a block.
    private func digits(from start: Int) -> (merging: DigitMerging, end: Int)? {
        func end(_ most: Int, from start: Int) -> Int {
            var end = start
            while end < min(most, count), unsafe DigitMerging.isDigit(base[end]) { end += 1 }
            return end
        }
        let least = start + Self.block
        guard end(least, from: start) == least,
            let made = merging.digits({
                DigitMerging(merging.mergesOfDigits(tokens), merging.byteTokens, tokens)
            })
        else { return nil }
        return (made, end(start + Self.digitBlock, from: least))
    }

    // MARK: Borders

    /// Appends `fresh`, which begins at `place`, to the ids from `first` on, and mends the border between; false when
    /// too much would have to change.
    private mutating func join(_ ids: inout [TokenID], _ first: Int, _ place: Int) -> Bool {
        var (left, right) = (min(1, ids.count - first), min(1, fresh.count))
        var (start, end) = (place, place)
        guard left > 0, right > 0 else {
            ids += fresh
            return true
        }
        start -= length(ids[ids.count - 1])
        end += length(fresh[0])
        // More than a few times the text is a case for the whole, too.
        while end - start <= Self.widest, again <= 32 * place + 1 << 16 {
            again += end - start
            joint.removeAll(keepingCapacity: true)
            unsafe merging.encodeWhole(base + start, end - start, into: &joint)
            let leftHolds = left == ids.count - first || joint.first == ids[ids.count - left]
            let rightHolds = right == fresh.count || joint.last == fresh[right - 1]
            if leftHolds, rightHolds {
                ids.removeLast(left)
                ids += joint
                ids += fresh[right...]
                return true
            }
            if !leftHolds {
                left += 1
                start -= length(ids[ids.count - left])
            }
            if !rightHolds {
                end += length(fresh[right])
                right += 1
            }
        }
        return false
    }

    private func length(_ id: TokenID) -> Int { tokens.length(of: Int(id)) }

    // MARK: Repetitions

    /// Whether the bytes from `start` on repeat the first few for long, and where they end.
    private func repetition(from start: Int) -> (period: Int, end: Int)? {
        let least = 2 * Self.sample
        guard count - start >= least else { return nil }
        for period in 1...Self.longestPeriod {
            guard
                unsafe memcmp(base + start, base + start + period, Self.block) == 0,
                unsafe memcmp(base + start, base + start + period, least - period) == 0
            else { continue }
            var end = start + least
            while end < count, unsafe base[end] == base[end - period] { end += 1 }
            return (period, end)
        }
        return nil
    }

    /// Makes `fresh` the tokens of a repetition; false when they do not repeat.
    private mutating func encodeRepetition(
        _ start: Int, _ repetition: (period: Int, end: Int)
    ) -> Bool {
        let all = repetition.end - start
        guard let cycle = cycle(start, Self.sample, repetition.period) else { return false }
        let size = Self.sample + (all - Self.sample) % cycle.size
        guard let cycle = self.cycle(start, size, repetition.period, of: cycle.size) else {
            return false
        }
        let encoded = joint
        fresh.reserveCapacity(encoded.count + (all - size) / cycle.size * cycle.tokens.count)
        fresh += encoded[..<cycle.tokens.upperBound]
        let times = (all - size) / cycle.size
        if cycle.tokens.count == 1 {
            fresh += repeatElement(encoded[cycle.tokens.lowerBound], count: times)
        } else {
            for _ in 0..<times { for index in cycle.tokens { fresh.append(encoded[index]) } }
        }
        fresh += encoded[cycle.tokens.upperBound...]
        return true
    }

    /// Encodes so many bytes of a repetition into `joint` and finds tokens in the middle that come again, of so many
    /// bytes together; nil for none.
    private mutating func cycle(
        _ start: Int, _ size: Int, _ period: Int, of wanted: Int? = nil
    ) -> (tokens: Range<Int>, size: Int)? {
        joint.removeAll(keepingCapacity: true)
        unsafe merging.encodeWhole(base + start, size, into: &joint)
        var place = 0
        var first = 0
        while first < joint.count, place < size / 3 {
            place += length(joint[first])
            first += 1
        }
        guard first < joint.count else { return nil }
        var bytes = 0
        for index in first..<joint.count {
            if index > first, joint[index] == joint[first], bytes % period == 0,
                wanted.map({ $0 == bytes }) ?? true
            {
                return (first..<index, bytes)
            }
            bytes += length(joint[index])
        }
        return nil
    }
}
