public import ChoroyText

extension TextIndex {
    /// The suffixes that begin with a row of tokens, as ranks.
    ///
    /// - Precondition: the row is not empty.
    public func range(of row: ArraySlice<TokenID>) -> Range<Int> {
        unsafe row.withUnsafeBufferPointer { unsafe range(of: $0) }
    }

    /// How often a row of tokens occurs.
    public func count(of row: [TokenID]) -> Int {
        row.isEmpty ? count : range(of: row[...]).count
    }

    func range(of row: UnsafeBufferPointer<TokenID>) -> Range<Int> {
        guard let first = unsafe row.first else { return 0..<count }
        let range = range(of: Int(first))
        if row.count == 1 || range.isEmpty { return range }
        guard let lower = unsafe firstRank(of: row, in: range) else { return 0..<0 }
        let upper = unsafe bound(
            of: row, in: lower..<range.upperBound, known: 1, isUpper: true)
        return lower..<upper
    }

    /// The first suffix that begins with a row, of those that begin with its first token.
    private func firstRank(of row: UnsafeBufferPointer<TokenID>, in range: Range<Int>) -> Int? {
        let rank = unsafe bound(of: row, in: range, known: 1, isUpper: false)
        return unsafe rank < range.upperBound && matches(row, at: suffix(rank)) ? rank : nil
    }

    private func occurs(_ row: ArraySlice<TokenID>) -> Bool {
        unsafe row.withUnsafeBufferPointer { row in
            guard let first = unsafe row.first else { return true }
            let range = range(of: Int(first))
            return unsafe !range.isEmpty && firstRank(of: row, in: range) != nil
        }
    }

    private func matches(_ row: UnsafeBufferPointer<TokenID>, at place: Int) -> Bool {
        for offset in 0..<row.count
        where token(place + offset) != Int(unsafe row[offset]) { return false }
        return true
    }

    /// How many tokens of a row and of the suffix at `place` agree, of which `known` are known to, and
    /// whether the suffix comes before the row; one that begins with all of it comes before its upper bound.
    @inline(__always)
    private func compare(
        _ row: UnsafeBufferPointer<TokenID>, _ place: Int, known: Int, isUpper: Bool
    ) -> (length: Int, isBefore: Bool) {
        var length = known
        while length < row.count {
            let found = token(place + length)
            let wanted = Int(unsafe row[length])
            if found != wanted { return (length, found < wanted) }
            length += 1
        }
        return (length, isUpper)
    }

    /// The first rank of `range` that is not before the row, with which its suffixes have `known` tokens in
    /// common.
    ///
    /// What the suffixes at both ends have in common with the row, those between have too, so it is not
    /// compared again.
    private func bound(
        of row: UnsafeBufferPointer<TokenID>, in range: Range<Int>, known: Int, isUpper: Bool
    ) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        var (lowLength, highLength) = (known, known)
        while low < high {
            let middle = low + (high - low) / 2
            let (length, isBefore) = unsafe compare(
                row, suffix(middle), known: min(lowLength, highLength), isUpper: isUpper)
            if isBefore {
                low = middle + 1
                lowLength = length
            } else {
                high = middle
                highLength = length
            }
        }
        return low
    }

    /// How many of the first tokens of a row occur in the text one behind another.
    ///
    /// - Parameters:
    ///   - range: The suffixes that begin with the first `known` tokens.
    func longestPrefix(
        of row: UnsafeBufferPointer<TokenID>, in range: Range<Int>, known: Int
    ) -> Int {
        if range.isEmpty { return 0 }
        let rank = unsafe bound(of: row, in: range, known: known, isUpper: false)
        // The suffixes that share most with the row stand beside its place.
        var longest = known
        for neighbor in [rank - 1, rank] where range.contains(neighbor) {
            longest = unsafe max(
                longest,
                compare(row, suffix(neighbor), known: known, isUpper: false).length)
        }
        return longest
    }

    /// The longest end of a row that occurs in the text, and where: bisected, since shorter ends occur too.
    ///
    /// - Parameter known: An end of this length occurs.
    func longestEnd(of row: ArraySlice<TokenID>, known: Int = 0) -> (
        length: Int, range: Range<Int>
    ) {
        var (low, high) = (known, row.count + 1)
        // Mostly it is short, so the lengths tried grow from there. But a text that repeats itself may have
        // all of it.
        if row.count > 32 {
            let range = range(of: row)
            if !range.isEmpty { return (row.count, range) }
            high = row.count
        }
        var step = 1
        while low + 1 < high {
            let length = min(low + step, low + (high - low) / 2)
            if occurs(row.suffix(length)) {
                low = length
                step *= 2
            } else {
                high = length
                step = max(1, step / 2)
            }
        }
        return (low, low == 0 ? 0..<count : range(of: row.suffix(low)))
    }

    /// The part of `range`, whose suffixes have their first `depth` tokens in common, where `token` is next.
    func extending(_ range: Range<Int>, depth: Int, by token: Int) -> Range<Int> {
        if depth == 0 { return self.range(of: token) }
        func bound(_ low: Int, _ isBefore: (Int) -> Bool) -> Int {
            var (low, high) = (low, range.upperBound)
            while low < high {
                let middle = low + (high - low) / 2
                if isBefore(self.token(suffix(middle) + depth)) {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }
        let lower = bound(range.lowerBound) { $0 < token }
        return lower..<bound(lower) { $0 <= token }
    }

    /// Calls `body` with each token that comes next, -1 for the text's end, and the part of `range` where it
    /// does; see `extending`. Each part is leapt over.
    func forEachFollower(
        of range: Range<Int>, depth: Int, _ body: (_ token: Int, _ ranks: Range<Int>) -> Void
    ) {
        var start = range.lowerBound
        while start < range.upperBound {
            let token = token(suffix(start) + depth)
            var (low, step) = (start, 1)
            var high = start + 1
            while high < range.upperBound, self.token(suffix(high) + depth) == token {
                low = high
                step *= 2
                high = min(low + step, range.upperBound)
            }
            // The part ends behind low and not behind high.
            while low + 1 < high {
                let middle = low + (high - low) / 2
                if self.token(suffix(middle) + depth) == token {
                    low = middle
                } else {
                    high = middle
                }
            }
            body(token, start..<high)
            start = high
        }
    }

    /// The tokens that come next behind a row and how often, ascending by token; no mark that is no token.
    public func followers(of row: [TokenID]) -> [(token: TokenID, count: Int)] {
        var result: [(token: TokenID, count: Int)] = []
        let range = row.isEmpty ? 0..<count : range(of: row[...])
        forEachFollower(of: range, depth: row.count) { token, ranks in
            guard token >= 0, token < layout.vocabularySize else { return }
            result.append((TokenID(token), ranks.count))
        }
        return result
    }
}
