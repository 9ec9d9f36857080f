internal import CChoroyKernels

/// Where pieces begin in 64 bytes of ASCII, by arithmetic on their classes: one bit a byte, the first
/// byte the lowest.
///
/// The first byte begins a piece. So a bit depends on the bytes before it in the block and on two
/// behind it at most, and blocks need not know of each other. What each pattern says is in
/// `PieceScanner`, which is the specification.
@safe
struct PieceBlock {
    private let text: UnsafePointer<UInt8>
    private let classes: ChoroyByteClasses
    /// Letters, numbers, white space, and the rest.
    private let l, n, s, o: UInt64

    @inline(__always)
    init(_ text: UnsafePointer<UInt8>, _ classes: ChoroyByteClasses) {
        unsafe self.text = text
        self.classes = classes
        (l, n, s) = (classes.letters, classes.numbers, classes.spaces)
        o = ~(l | n | s)
    }

    /// The bytes before the first one that is not ASCII.
    @inline(__always)
    var length: Int { classes.wide == 0 ? 64 : classes.wide.trailingZeroBitCount }

    /// The bits of `starts` that no byte behind the block can change, but for the first.
    @inline(__always)
    func settled(_ starts: UInt64, keepsLines: Bool) -> UInt64 {
        var end = length
        if keepsLines, s >> UInt64(end - 1) & 1 != 0 {
            // White space may go on, to a line end that keeps all of it together.
            let others = ~s & (UInt64.max >> UInt64(64 - end))
            end = min(end, 64 - others.leadingZeroBitCount + 3)
        }
        return starts & ((1 << UInt64(end - 2)) - 1) & ~1
    }

    /// Bits whose left neighbour is not set.
    @inline(__always)
    private func begins(_ bits: UInt64) -> UInt64 { bits & ~(bits << 1) }

    /// `seeds` and all bits of `run` that follow them without a gap.
    @inline(__always)
    private func flood(_ run: UInt64, from seeds: UInt64) -> UInt64 {
        (((run &+ seeds) ^ run) | seeds) & run
    }

    /// Starts as GPT-2 cuts; with `splitsDigits` every number is cut out first.
    @inline(__always)
    func gpt2(splitsDigits: Bool) -> UInt64 {
        let afterBlank = classes.blanks << 1
        var starts = (begins(l) | begins(o)) & ~afterBlank
        if splitsDigits {
            starts |= n | begins(s) | s & ~(s >> 1) & ~(n >> 1)
        } else {
            starts |= begins(n) & ~afterBlank | begins(s) | s & ~(s >> 1)
        }
        let quotes = classes.apostrophes & starts
        return quotes == 0 ? starts : contracted(starts, at: quotes, ignoresCase: false)
    }

    /// Starts as Llama 3 cuts, with numbers of at most `longestNumber` digits, 3 or 1.
    @inline(__always)
    func llama(longestNumber: Int) -> UInt64 {
        let symbols = begins(o) & ~(classes.blanks << 1)
        let tail = flood(classes.lines, from: classes.lines & (o << 1))
        let starts =
            symbols | letters(after: symbols) | numbers(longestNumber) | spaces(behind: tail)
        let quotes = classes.apostrophes & symbols
        return quotes == 0 ? starts : contracted(starts, at: quotes, ignoresCase: true)
    }

    /// Starts as GPT-4o cuts.
    @inline(__always)
    func o200k() -> UInt64 {
        let run = classes.lines | classes.slashes
        let tail = flood(run, from: classes.lines & (o << 1))
        let rest = o & ~tail
        let symbols = begins(rest) & ~(classes.blanks << 1)
        let capitals = classes.capitals & (l & ~classes.capitals) << 1
        let starts =
            symbols | letters(after: symbols) | capitals | numbers(3) | spaces(behind: tail)
        let quotes = classes.apostrophes & (l << 1)
        return quotes == 0 ? starts : suffixed(starts, at: quotes)
    }

    /// Words that no mark or space before them begins; `symbols` begin a piece.
    @inline(__always)
    private func letters(after symbols: UInt64) -> UInt64 {
        begins(l) & ~((s & ~classes.lines | symbols) << 1)
    }

    @inline(__always)
    private func numbers(_ longest: Int) -> UInt64 {
        if longest == 1 { return n }
        var starts = begins(n)
        guard n & n << 1 & n << 2 & n << 3 != 0 else { return starts }
        var rest = starts
        while rest != 0 {
            let first = rest.trailingZeroBitCount
            let end = first + (~(n >> UInt64(first))).trailingZeroBitCount
            var next = first + 3
            while next < min(end, 64) {
                starts |= 1 << UInt64(next)
                next += 3
            }
            rest &= rest - 1
        }
        return starts
    }

    /// White space in its pieces: up to the last line end of a run, the rest but for its last byte, and
    /// that. `tail` belongs to the symbols before it.
    @inline(__always)
    private func spaces(behind tail: UInt64) -> UInt64 {
        let white = s & ~tail
        let lines = classes.lines & ~tail
        let rest = white & ~lines
        var afterLine = rest & (lines << 1)
        let ends = (rest &+ afterLine) & ~rest
        var wrong = ends & lines
        while wrong != 0 {
            // Another line end follows, so the run goes on behind the one before.
            let end = wrong.trailingZeroBitCount
            let before = lines & ((1 << UInt64(end)) - 1)
            afterLine &= ~(1 << UInt64(64 - before.leadingZeroBitCount))
            wrong &= wrong - 1
        }
        return begins(white) | afterLine | rest & ~(s >> 1)
    }

    /// The length of 's 't 're 've 'm 'll 'd at an apostrophe; 0 when it is none.
    @inline(__always)
    private func contraction(at quote: Int, _ fold: UInt8) -> Int {
        guard quote < 62 else { return 0 }
        let (first, second) = unsafe (text[quote + 1] | fold, text[quote + 2] | fold)
        switch first {
        case 0x73, 0x74, 0x6D, 0x64: return 2
        case 0x72, 0x76: return second == 0x65 ? 3 : 0
        case 0x6C: return second == 0x6C ? 3 : 0
        default: return 0
        }
    }

    /// `starts` with contractions as pieces of their own.
    private func contracted(_ starts: UInt64, at quotes: UInt64, ignoresCase: Bool) -> UInt64 {
        var starts = starts
        var rest = quotes
        while rest != 0 {
            let quote = rest.trailingZeroBitCount
            let length = contraction(at: quote, ignoresCase ? 0x20 : 0)
            if length > 0 {
                starts &= ~(0b110 << UInt64(quote))
                starts |= 1 << UInt64(quote + length)
            }
            rest &= rest - 1
        }
        return starts
    }

    /// `starts` with a contraction as the end of each word before one.
    private func suffixed(_ starts: UInt64, at quotes: UInt64) -> UInt64 {
        var starts = starts
        var rest = quotes
        var last = -1
        while rest != 0 {
            let quote = rest.trailingZeroBitCount
            let length = quote == last ? 0 : contraction(at: quote, 0x20)
            if length > 0 {
                starts &= ~(0b111 << UInt64(quote))
                last = quote + length
                starts |= 1 << UInt64(last)
            }
            rest &= rest - 1
        }
        return starts
    }
}
