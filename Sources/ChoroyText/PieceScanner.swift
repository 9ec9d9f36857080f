/// Finds where the piece that begins at a byte ends.
///
/// Callers keep `start < count`; every other read is checked against `count` here.
@safe
struct PieceScanner {
    static let other: UInt8 = 0
    static let letter: UInt8 = 1
    static let number: UInt8 = 2
    static let space: UInt8 = 3
    private static let decode: UInt8 = 4

    /// The class of each ASCII byte; 4 for the others, which are to be decoded.
    static let byteClasses: [UInt8] = (UInt8.min...UInt8.max).map { byte in
        switch byte {
        case 0x41...0x5A, 0x61...0x7A: letter
        case 0x30...0x39: number
        case 0x09...0x0D, 0x20: space
        case 0x80...0xFF: decode
        default: other
        }
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private let pages: UnsafeBufferPointer<UInt8>
    private let words: UnsafeBufferPointer<UInt64>
    private let classes: UnsafeBufferPointer<UInt8>
    let count: Int

    init(
        bytes: UnsafeBufferPointer<UInt8>, pages: UnsafeBufferPointer<UInt8>,
        words: UnsafeBufferPointer<UInt64>, classes: UnsafeBufferPointer<UInt8>
    ) {
        unsafe self.bytes = bytes
        unsafe self.pages = pages
        unsafe self.words = words
        unsafe self.classes = classes
        count = bytes.count
    }

    /// Gives `body` a scanner of `bytes`.
    @inline(__always)
    static func withTables(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (PieceScanner) -> Void) {
        unsafe ScalarClassTable.pages.withUnsafeBufferPointer { pages in
            unsafe ScalarClassTable.words.withUnsafeBufferPointer { words in
                unsafe byteClasses.withUnsafeBufferPointer { classes in
                    unsafe body(
                        PieceScanner(bytes: bytes, pages: pages, words: words, classes: classes))
                }
            }
        }
    }

    subscript(_ position: Int) -> UInt8 { unsafe bytes[position] }

    static func isLetterOrNumber(_ scalar: Unicode.Scalar) -> Bool {
        let page = Int(scalar.value >> 8)
        guard page < ScalarClassTable.pages.count else { return false }
        let block = Int(ScalarClassTable.pages[page])
        let word = ScalarClassTable.words[block * 8 + Int(scalar.value >> 5 & 7)]
        let found = UInt8(word >> (2 * UInt64(scalar.value & 31)) & 3)
        return found == letter || found == number
    }

    /// Llama 3:
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|`
    /// ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    ///
    /// GPT-4 (`endsWhole`) has `\s++$` before the third: white space up to the end of the text is one piece.
    @inline(__always)
    func endLlama(from start: Int, longestNumber: Int, endsWhole: Bool = false) -> Int {
        let byte = self[start]
        var (kind, after) = scalar(at: start)
        if kind == Self.letter { return end(of: Self.letter, from: after) }
        if kind == Self.number { return endOfNumber(from: after, left: longestNumber - 1) }
        if byte == 0x27, let end = contraction(at: start, ignoresCase: true) { return end }
        let (next, afterNext) = after < count ? scalar(at: after) : (Self.space, after)
        if next == Self.letter && byte != 10 && byte != 13 {
            return end(of: Self.letter, from: afterNext)
        }
        if kind == Self.space && byte == 0x20 && next == Self.other && after < count {
            kind = Self.other
            after = afterNext
        }
        if kind == Self.other {
            var end = end(of: Self.other, from: after)
            while end < count, self[end] == 10 || self[end] == 13 { end += 1 }
            return end
        }
        return spaces(from: start, keepsLines: true, endsWhole: endsWhole)
    }

    /// The end of at most `left` more digits.
    @inline(__always)
    func endOfNumber(from start: Int, left: Int) -> Int {
        var (position, left) = (start, left)
        while left > 0, position < count {
            let (next, end) = scalar(at: position)
            if next != Self.number { break }
            position = end
            left -= 1
        }
        return position
    }

    /// GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    ///
    /// With `splitsDigits` every number is cut out first and the rest matched apart.
    @inline(__always)
    func endGPT2(from start: Int, splitsDigits: Bool) -> Int {
        let byte = self[start]
        let (kind, after) = scalar(at: start)
        if kind == Self.space {
            if byte == 0x20 && after < count {
                let (next, end) = scalar(at: after)
                if next != Self.space && !(splitsDigits && next == Self.number) {
                    return self.end(of: next, from: end)
                }
            }
            return spaces(from: start, keepsLines: false, endsAtNumber: splitsDigits)
        }
        if kind == Self.number && splitsDigits { return after }
        if byte == 0x27, let end = contraction(at: start, ignoresCase: false) { return end }
        return end(of: kind, from: after)
    }

    /// The end of the run of white space at `start`, with `endsWhole` all of it at the end of the text, else without its last scalar where text follows;
    /// with `keepsLines` up to the last line end in the run, if there is one.
    func spaces(
        from start: Int, keepsLines: Bool, endsAtNumber: Bool = false, endsWhole: Bool = false
    ) -> Int {
        var end = start
        var last = start
        var line = start
        var follower = Self.space
        while end < count {
            let (kind, after) = scalar(at: end)
            if kind != Self.space {
                follower = kind
                break
            }
            last = end
            if self[end] == 10 || self[end] == 13 { line = after }
            end = after
        }
        if endsWhole && end == count { return end }
        if keepsLines && line > start { return line }
        if end == count || last == start || endsAtNumber && follower == Self.number { return end }
        return last
    }

    @inline(__always)
    func end(of kind: UInt8, from start: Int) -> Int {
        var position = start
        while position < count {
            let (next, after) = scalar(at: position)
            if next != kind { break }
            position = after
        }
        return position
    }

    /// The end of 's 't 're 've 'm 'll 'd at an apostrophe. Ignoring case, ſ (U+017F) is an s.
    func contraction(at start: Int, ignoresCase: Bool) -> Int? {
        guard start + 1 < count else { return nil }
        let fold: UInt8 = ignoresCase ? 0x20 : 0
        let first = self[start + 1] | fold
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
            return start + 2
        case 0xC5 | fold:
            return ignoresCase && self[start + 1] == 0xC5 && start + 2 < count
                && self[start + 2] == 0xBF ? start + 3 : nil
        default: break
        }
        guard start + 2 < count else { return nil }
        switch (first, self[start + 2] | fold) {
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        default: return nil
        }
    }

    /// The class of the scalar at `start` and where the next one begins.
    @inline(__always)
    func scalar(at start: Int) -> (kind: UInt8, end: Int) {
        let kind = unsafe classes[Int(self[start])]
        return kind == Self.decode ? longScalar(at: start) : (kind, start + 1)
    }

    /// The same for a byte outside ASCII; an invalid byte is a symbol of its own.
    private func longScalar(at start: Int) -> (kind: UInt8, end: Int) {
        let lead = UInt32(self[start])
        let length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1
        guard length > 1, start + length <= count else { return (Self.other, start + 1) }
        var value = lead & (0x7F >> UInt32(length))
        for index in 1..<length {
            let byte = UInt32(self[start + index])
            guard byte & 0xC0 == 0x80 else { return (Self.other, start + 1) }
            value = value << 6 | byte & 0x3F
        }
        // Overlong forms, surrogates and what lies beyond U+10FFFF are invalid.
        if length == 3 && (value < 0x800 || value >> 11 == 0x1B)
            || length == 4 && (value < 0x10000 || value > 0x10FFFF)
        {
            return (Self.other, start + 1)
        }
        let page = Int(value >> 8)
        guard unsafe page < pages.count else { return (Self.other, start + length) }
        let word = unsafe words[Int(pages[page]) * 8 + Int(value >> 5 & 7)]
        return (UInt8(truncatingIfNeeded: word >> (2 * UInt64(value & 31)) & 3), start + length)
    }
}
