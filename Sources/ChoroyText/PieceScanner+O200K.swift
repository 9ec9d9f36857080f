/// Words as GPT-4o cuts them: capitals, then small letters, marks and letters without case in both.
///
///     [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
///     |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
///     |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
///
/// Source: tiktoken 0.14, tiktoken_ext/openai_public.py
extension PieceScanner {
    /// What a scalar is within a word.
    private enum Letter {
        case capital, small
        /// A mark, or a letter without case: fits with both.
        case both
        case none
    }

    /// The end of the piece at `start`.
    func endO200K(from start: Int) -> Int {
        let byte = self[start]
        let (kind, after) = scalar(at: start)
        if kind == Self.number { return endOfNumber(from: after, left: 2) }
        if kind == Self.letter {
            return withContraction(small(from: start) ?? capitals(from: start))
        }
        if byte != 10, byte != 13, after < count {
            if let end = small(from: after) { return withContraction(end) }
            // A mark may begin a word as well as stand before one.
            if let end = small(from: start) { return withContraction(end) }
            if letter(at: after).kind == .capital { return withContraction(capitals(from: after)) }
        } else if let end = small(from: start) {
            return withContraction(end)
        }
        var symbols = start
        if byte == 0x20, after < count, scalar(at: after).kind == Self.other { symbols = after }
        if scalar(at: symbols).kind == Self.other {
            var end = end(of: Self.other, from: symbols)
            while end < count, self[end] == 10 || self[end] == 13 || self[end] == 0x2F { end += 1 }
            return end
        }
        return spaces(from: start, keepsLines: true)
    }

    /// The end of capitals and at least one small letter at `start`: the first alternative without its
    /// beginning; nil when it does not match.
    private func small(from start: Int) -> Int? {
        var position = start
        /// Behind the last letter that can stand for a small one.
        var end: Int?
        while position < count {
            let (kind, after) = letter(at: position)
            if kind == .small { return endOfSmall(from: after) }
            if kind == .none { break }
            position = after
            if kind == .both { end = after }
        }
        return end
    }

    private func endOfSmall(from start: Int) -> Int {
        var position = start
        while position < count {
            let (kind, after) = letter(at: position)
            if kind != .small && kind != .both { break }
            position = after
        }
        return position
    }

    /// The end of capitals behind which no small letter comes.
    private func capitals(from start: Int) -> Int {
        var position = start
        while position < count {
            let (kind, after) = letter(at: position)
            if kind != .capital { break }
            position = after
        }
        return position
    }

    private func withContraction(_ end: Int) -> Int {
        guard end < count, self[end] == 0x27 else { return end }
        return contraction(at: end, ignoresCase: true) ?? end
    }

    private func letter(at start: Int) -> (kind: Letter, end: Int) {
        let byte = self[start]
        switch byte {
        case 0x41...0x5A: return (.capital, start + 1)
        case 0x61...0x7A: return (.small, start + 1)
        case ..<0x80: return (.none, start + 1)
        default: break
        }
        let (kind, end) = scalar(at: start)
        guard end - start > 1, kind == Self.letter || kind == Self.other else {
            return (.none, end)
        }
        var value = UInt32(byte) & (0x7F >> UInt32(end - start))
        for place in start + 1..<end { value = value << 6 | UInt32(self[place]) & 0x3F }
        switch (Self.letterCase(value), kind) {
        case (1, _): return (.capital, end)
        case (2, _): return (.small, end)
        case (3, _), (_, Self.letter): return (.both, end)
        default: return (.none, end)
        }
    }

    /// 1 capital, 2 small, 3 mark, as `LetterCaseTable` has it.
    private static func letterCase(_ value: UInt32) -> UInt64 {
        // The variation selectors, far from all others.
        if (0xE0100...0xE01EF).contains(value) { return 3 }
        let page = Int(value >> 8)
        guard page < LetterCaseTable.pages.count else { return 0 }
        let block = Int(LetterCaseTable.pages[page])
        return LetterCaseTable.words[block * 8 + Int(value >> 5 & 7)] >> (2 * UInt64(value & 31))
            & 3
    }
}
