internal import CChoroyKernels

/// Sorts all suffixes of a text in linear time: SA-IS, induced sorting.
///
/// A suffix is of type S when it is smaller than the one behind it, else of type L; an S suffix behind an L
/// suffix is leftmost (LMS). The order of the LMS suffixes, at most half of all, induces the order of the L
/// suffixes, and that the order of the S suffixes, one scan each. The LMS suffixes themselves are sorted by
/// their substrings, which the same two scans sort, and where substrings are equal by sorting the text of their
/// names, which is at most half as long.
///
/// Nothing but the result, a name's text inside it and a table of the alphabet is kept: types are seen from
/// neighbouring tokens, and an entry `~i` is one that a scan has no work with.
///
/// Source: Nong, Zhang & Chan 2011, "Two Efficient Algorithms for Linear Time Suffix Array Construction",
/// algorithm 1, https://doi.org/10.1109/TC.2010.188; the marks in the sign bit are those of Mori's sais-lite.
@safe package struct SuffixSorting<Token: FixedWidthInteger & BitwiseCopyable> {
    private let text: UnsafePointer<Token>
    private let count: Int
    private let suffixes: UnsafeMutablePointer<Int32>
    /// Tokens of each kind, and where the next suffix that begins with a token belongs.
    private let counts: UnsafeMutablePointer<Int32>
    private let buckets: UnsafeMutablePointer<Int32>
    private let alphabet: Int
    private let progress: (Double) -> Void

    /// Where the suffixes of `text` begin, in their order.
    ///
    /// - Precondition: every token is in `0..<alphabet`.
    package static func suffixes(of text: [Token], alphabet: Int) -> [Int32] {
        precondition(text.allSatisfy { $0 >= 0 && Int($0) < alphabet }, "tokens of \(alphabet)")
        return unsafe [Int32](unsafeUninitializedCapacity: text.count) { suffixes, count in
            unsafe text.withUnsafeBufferPointer { text in
                guard let base = text.baseAddress, let target = suffixes.baseAddress else { return }
                unsafe sort(base, count: text.count, alphabet: alphabet, into: target)
            }
            count = text.count
        }
    }

    /// Writes to `suffixes` where the suffixes of `text` begin, in their order; one that begins another is
    /// the smaller.
    ///
    /// - Parameters:
    ///   - alphabet: One more than the largest token.
    ///   - progress: Told now and then the share that is done.
    /// - Precondition: every token is in `0..<alphabet`; `suffixes` has room for `count < Int32.max` numbers.
    static func sort(
        _ text: UnsafePointer<Token>, count: Int, alphabet: Int,
        into suffixes: UnsafeMutablePointer<Int32>, progress: @escaping (Double) -> Void = { _ in }
    ) {
        precondition(count < Int(Int32.max), "\(count) tokens to sort")
        if count < 2 {
            if count == 1 { unsafe suffixes[0] = 0 }
            return
        }
        let tables = UnsafeMutablePointer<Int32>.allocate(capacity: 2 * alphabet)
        defer { unsafe tables.deallocate() }
        let sorting = unsafe SuffixSorting(
            text: text, count: count, suffixes: suffixes, counts: tables,
            buckets: tables + alphabet, alphabet: alphabet, progress: progress)
        sorting.sort()
    }

    private func sort() {
        countTokens()
        let leftmost = placeLeftmost()
        progress(0.05)
        if leftmost > 1 {
            induceSubstrings()
            let names = nameSubstrings(leftmost)
            if names < leftmost { sortNames(leftmost, names) }
            spreadLeftmost(leftmost)
        }
        induceSuffixes()
        progress(1)
    }

    private func countTokens() {
        unsafe counts.initialize(repeating: 0, count: alphabet)
        for place in 0..<count { unsafe counts[Int(text[place])] &+= 1 }
    }

    private func bucketStarts() {
        var sum: Int32 = 0
        for token in 0..<alphabet {
            unsafe buckets[token] = sum
            unsafe sum &+= counts[token]
        }
    }

    private func bucketEnds() {
        var sum: Int32 = 0
        for token in 0..<alphabet {
            unsafe sum &+= counts[token]
            unsafe buckets[token] = sum
        }
    }

    /// Calls `body` with each leftmost S suffix, the last first.
    @inline(__always)
    private func forEachLeftmost(_ body: (Int) -> Void) {
        var place = count - 1
        var token = unsafe text[place]
        var isSmaller = false
        while place > 0 {
            place &-= 1
            let before = unsafe text[place]
            if before > token {
                if isSmaller { body(place &+ 1) }
                isSmaller = false
            } else if before < token {
                isSmaller = true
            }
            token = before
        }
    }

    /// Puts each leftmost S suffix at the end of its bucket, in any order; gives their number.
    private func placeLeftmost() -> Int {
        unsafe suffixes.initialize(repeating: 0, count: count)
        bucketEnds()
        var number = 0
        forEachLeftmost { place in
            let slot = unsafe buckets + Int(text[place])
            unsafe slot.pointee &-= 1
            unsafe suffixes[Int(slot.pointee)] = Int32(truncatingIfNeeded: place)
            number &+= 1
        }
        return number
    }

    /// Sorts the substrings from each leftmost S suffix to the next. Leaves `~i` for each such suffix i in
    /// the order of the substrings, 0 elsewhere.
    private func induceSubstrings() {
        bucketStarts()
        placeLast()
        // An entry i > 0 says that suffix i − 1 is of type L, and is placed behind, where this scan comes by.
        scanUp(from: 0.05) { suffix, rank in
            unsafe suffixes[rank] = suffix < 0 ? ~suffix : 0
        }
        bucketEnds()
        // Now i > 0 says that suffix i − 1 is of type S; a leftmost one waits where it is put.
        scanDown(from: 0.2, keepsFirst: false) { suffix, rank in
            if suffix > 0 { unsafe suffixes[rank] = 0 }
        }
    }

    /// Sorts all suffixes; `suffixes` has the leftmost S suffixes in their order at the ends of their
    /// buckets, 0 elsewhere.
    private func induceSuffixes() {
        bucketStarts()
        placeLast()
        scanUp(from: 0.6) { suffix, rank in unsafe suffixes[rank] = ~suffix }
        bucketEnds()
        scanDown(from: 0.8, keepsFirst: true) { suffix, rank in
            if suffix <= 0 { unsafe suffixes[rank] = ~suffix }
        }
    }

    /// Puts the last suffix where it belongs: it is of type L, and the first of its bucket.
    private func placeLast() {
        let last = count - 1
        let token = unsafe text[last]
        let slot = unsafe buckets + Int(token)
        unsafe suffixes[Int(slot.pointee)] =
            unsafe text[last - 1] < token ? ~Int32(last) : Int32(last)
        unsafe slot.pointee &+= 1
    }

    /// How far ahead of a scan the text is asked for, and then the place where its token's suffix goes.
    private static var far: Int { 64 }
    private static var near: Int { 32 }

    /// Told after so many ranks that a fifth of the work, which a scan is about, has come so much further.
    private func report(_ ranks: Int, from share: Double) {
        if ranks & (1 << 21 - 1) == 0 { progress(share + 0.2 * Double(ranks) / Double(count)) }
    }

    /// Places the L suffixes; `done` leaves what the next scan needs.
    @inline(__always)
    private func scanUp(from share: Double, _ done: (_ suffix: Int32, _ rank: Int) -> Void) {
        let (text, suffixes, buckets) = unsafe (text, suffixes, buckets)
        for rank in 0..<count {
            report(rank, from: share)
            if rank &+ Self.far < count {
                unsafe choroy_prefetch(text + Int(suffixes[rank &+ Self.far]) - 1)
                let next = unsafe Int(suffixes[rank &+ Self.near])
                if next > 0 {
                    unsafe choroy_prefetch_write(suffixes + Int(buckets[Int(text[next &- 1])]))
                }
            }
            let suffix = unsafe suffixes[rank]
            done(suffix, rank)
            guard suffix > 0 else { continue }
            let place = Int(suffix) &- 1
            let token = unsafe text[place]
            let slot = unsafe buckets + Int(token)
            let isLast = unsafe place > 0 && text[place &- 1] < token
            let entry = Int32(truncatingIfNeeded: place)
            unsafe suffixes[Int(slot.pointee)] = isLast ? ~entry : entry
            unsafe slot.pointee &+= 1
        }
    }

    /// Places the S suffixes; with `keepsFirst` that of the whole text too is one without work.
    @inline(__always)
    private func scanDown(
        from share: Double, keepsFirst: Bool, _ done: (_ suffix: Int32, _ rank: Int) -> Void
    ) {
        let (text, suffixes, buckets) = unsafe (text, suffixes, buckets)
        for rank in stride(from: count - 1, through: 0, by: -1) {
            report(count &- rank, from: share)
            if rank >= Self.far {
                unsafe choroy_prefetch(text + Int(suffixes[rank &- Self.far]) - 1)
                let next = unsafe Int(suffixes[rank &- Self.near])
                if next > 0 {
                    unsafe choroy_prefetch_write(suffixes + Int(buckets[Int(text[next &- 1])]))
                }
            }
            let suffix = unsafe suffixes[rank]
            done(suffix, rank)
            guard suffix > 0 else { continue }
            let place = Int(suffix) &- 1
            let token = unsafe text[place]
            let slot = unsafe buckets + Int(token)
            let isLast = unsafe place == 0 ? keepsFirst : text[place &- 1] > token
            let entry = Int32(truncatingIfNeeded: place)
            unsafe slot.pointee &-= 1
            unsafe suffixes[Int(slot.pointee)] = isLast ? ~entry : entry
        }
    }

    /// Numbers the substrings in their order, equal ones alike; gives how many numbers there are.
    ///
    /// Leaves the leftmost S suffixes in the order of substrings in front, and behind, in the half that is
    /// then free, one more than its number for each of them, by half of its place: they are never neighbours.
    private func nameSubstrings(_ leftmost: Int) -> Int {
        var found = 0
        for rank in 0..<count {
            let suffix = unsafe suffixes[rank]
            if suffix < 0 {
                unsafe suffixes[found] = ~suffix
                found &+= 1
            }
        }
        let names = unsafe suffixes + leftmost
        unsafe names.initialize(repeating: 0, count: count - leftmost)
        // First their lengths, with the first token of the next; the last one's reaches the end.
        var next = count - 1
        forEachLeftmost { place in
            unsafe names[place >> 1] = Int32(truncatingIfNeeded: next &- place &+ 1)
            next = place
        }
        var name: Int32 = 0
        var (previous, previousLength) = (0, 0)
        for rank in 0..<leftmost {
            let place = unsafe Int(suffixes[rank])
            let length = unsafe Int(names[place >> 1])
            var isEqual =
                length == previousLength && previous &+ length < count && place &+ length < count
            var offset = 0
            while isEqual && offset < length {
                isEqual = unsafe text[place &+ offset] == text[previous &+ offset]
                offset &+= 1
            }
            if !isEqual {
                name &+= 1
                (previous, previousLength) = (place, length)
            }
            unsafe names[place >> 1] = name
        }
        return Int(name)
    }

    /// Sorts the leftmost S suffixes, whose substrings `nameSubstrings` has numbered, not all differently.
    private func sortNames(_ leftmost: Int, _ names: Int) {
        let reduced = unsafe suffixes + (count - leftmost)
        var free = leftmost
        for slot in stride(from: leftmost + (count - 1) / 2, through: leftmost, by: -1) {
            let name = unsafe suffixes[slot]
            if name > 0 {
                free &-= 1
                unsafe reduced[free] = name &- 1
            }
        }
        unsafe SuffixSorting<Int32>.sort(
            reduced, count: leftmost, alphabet: names, into: suffixes)
        var index = leftmost
        forEachLeftmost { place in
            index &-= 1
            unsafe reduced[index] = Int32(truncatingIfNeeded: place)
        }
        for rank in 0..<leftmost { unsafe suffixes[rank] = reduced[Int(suffixes[rank])] }
    }

    /// Moves the sorted leftmost S suffixes from the front to the ends of their buckets, and clears the rest.
    private func spreadLeftmost(_ leftmost: Int) {
        bucketEnds()
        var free = count
        var bucket = -1
        for rank in stride(from: leftmost - 1, through: 0, by: -1) {
            let suffix = unsafe suffixes[rank]
            let token = unsafe Int(text[Int(suffix)])
            if token != bucket {
                let end = unsafe Int(buckets[token])
                while free > end {
                    free &-= 1
                    unsafe suffixes[free] = 0
                }
                bucket = token
            }
            free &-= 1
            unsafe suffixes[free] = suffix
        }
        unsafe suffixes.initialize(repeating: 0, count: free)
    }
}
