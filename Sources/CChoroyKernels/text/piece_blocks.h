// Where pieces of ASCII text end, 64 bytes at a time, by arithmetic on their classes: one bit a byte, the first
// byte the lowest.
//
// The first byte of a block begins a piece. So a bit depends on the bytes before it in the block and on two behind
// it at most, and blocks need not know of each other: the next one begins where the last settled piece ends.

// Bits whose left neighbour is not set.
INLINE uint64_t NAMED(begins)(uint64_t bits) { return bits & ~(bits << 1); }

// `seeds` and all bits of `run` that follow them without a gap.
INLINE uint64_t NAMED(flood)(uint64_t run, uint64_t seeds) { return (((run + seeds) ^ run) | seeds) & run; }

INLINE int NAMED(lowest)(uint64_t bits) { return __builtin_ctzll(bits); }

// The length of 's 't 're 've 'm 'll 'd at an apostrophe, with `fold` 0x20 in any case; 0 when it is none.
INLINE int NAMED(contraction)(const uint8_t *text, int quote, uint8_t fold)
{
    if (quote > 61) return 0;
    uint8_t second = text[quote + 2] | fold;
    switch (text[quote + 1] | fold) {
    case 's': case 't': case 'm': case 'd': return 2;
    case 'r': case 'v': return second == 'e' ? 3 : 0;
    case 'l': return second == 'l' ? 3 : 0;
    default: return 0;
    }
}

// `starts` with contractions as pieces of their own.
INLINE uint64_t NAMED(contracted)(uint64_t starts, uint64_t quotes, const uint8_t *text, uint8_t fold)
{
    for (; quotes; quotes &= quotes - 1) {
        int quote = NAMED(lowest)(quotes), length = NAMED(contraction)(text, quote, fold);
        if (length) starts = (starts & ~(UINT64_C(6) << quote)) | UINT64_C(1) << (quote + length);
    }
    return starts;
}

// `starts` with a contraction as the end of each word before one.
INLINE uint64_t NAMED(suffixed)(uint64_t starts, uint64_t quotes, const uint8_t *text)
{
    for (int last = -1; quotes; quotes &= quotes - 1) {
        int quote = NAMED(lowest)(quotes);
        int length = quote == last ? 0 : NAMED(contraction)(text, quote, 0x20);
        if (!length) continue;
        last = quote + length;
        starts = (starts & ~(UINT64_C(7) << quote)) | UINT64_C(1) << last;
    }
    return starts;
}

// Words that no mark or space before them begins; `symbols` begin a piece.
INLINE uint64_t NAMED(words)(const ChoroyByteClasses *c, uint64_t symbols)
{
    return NAMED(begins)(c->letters) & ~(((c->spaces & ~c->lines) | symbols) << 1);
}

// Numbers in threes, or every digit alone.
INLINE uint64_t NAMED(numbers)(uint64_t n, int longest)
{
    if (longest == 1) return n;
    uint64_t starts = NAMED(begins)(n);
    if (!(n & n << 1 & n << 2 & n << 3)) return starts;
    for (uint64_t rest = starts; rest; rest &= rest - 1) {
        int first = NAMED(lowest)(rest);
        uint64_t after = ~(n >> first);
        int end = after ? first + NAMED(lowest)(after) : 64;
        for (int place = first + 3; place < end && place < 64; place += 3) starts |= UINT64_C(1) << place;
    }
    return starts;
}

// White space in its pieces: up to the last line end of a run, the rest but for its last byte, and that. `tail`
// belongs to the symbols before it.
INLINE uint64_t NAMED(spaces)(const ChoroyByteClasses *c, uint64_t tail)
{
    uint64_t white = c->spaces & ~tail, lines = c->lines & ~tail, rest = white & ~lines;
    uint64_t after_line = rest & (lines << 1);
    uint64_t wrong = (rest + after_line) & ~rest & lines;
    for (; wrong; wrong &= wrong - 1) {
        // Another line end follows, so the run goes on behind the one before.
        uint64_t before = lines & ((wrong & -wrong) - 1);
        after_line &= ~(UINT64_C(2) << (63 - __builtin_clzll(before)));
    }
    return NAMED(begins)(white) | after_line | (rest & ~(c->spaces >> 1));
}

INLINE uint64_t NAMED(starts)(ChoroyPattern pattern, const ChoroyByteClasses *c, const uint8_t *text)
{
    uint64_t l = c->letters, n = c->numbers, s = c->spaces, o = ~(l | n | s);
    uint64_t after_blank = c->blanks << 1;
    if (pattern == CHOROY_GPT2 || pattern == CHOROY_SMOLLM) {
        uint64_t starts = ((NAMED(begins)(l) | NAMED(begins)(o)) & ~after_blank) | NAMED(begins)(s);
        if (pattern == CHOROY_SMOLLM) starts |= n | (s & ~(s >> 1) & ~(n >> 1));
        else starts |= (NAMED(begins)(n) & ~after_blank) | (s & ~(s >> 1));
        return NAMED(contracted)(starts, c->apostrophes & starts, text, 0);
    }
    if (pattern == CHOROY_O200K) {
        uint64_t tail = NAMED(flood)(c->lines | c->slashes, c->lines & (o << 1));
        uint64_t symbols = NAMED(begins)(o & ~tail) & ~after_blank;
        uint64_t capitals = c->capitals & ((l & ~c->capitals) << 1);
        uint64_t starts = symbols | NAMED(words)(c, symbols) | capitals | NAMED(numbers)(n, 3)
            | NAMED(spaces)(c, tail);
        return NAMED(suffixed)(starts, c->apostrophes & (l << 1), text);
    }
    uint64_t tail = NAMED(flood)(c->lines, c->lines & (o << 1));
    uint64_t symbols = NAMED(begins)(o) & ~after_blank;
    uint64_t starts = symbols | NAMED(words)(c, symbols) | NAMED(numbers)(n, pattern == CHOROY_QWEN2 ? 1 : 3)
        | NAMED(spaces)(c, tail);
    return NAMED(contracted)(starts, c->apostrophes & symbols, text, 0x20);
}

// The bits of `starts` that no byte behind the block can change, but for the first.
INLINE uint64_t NAMED(settled)(uint64_t starts, const ChoroyByteClasses *c, int keeps_lines)
{
    int end = c->wide ? NAMED(lowest)(c->wide) : 64;
    if (end < 8) return 0;
    if (keeps_lines && c->spaces >> (end - 1) & 1) {
        // White space may go on, to a line end that keeps all of it together.
        uint64_t others = ~c->spaces & (UINT64_MAX >> (64 - end));
        int run = others ? 64 - __builtin_clzll(others) : 0;
        if (end > run + 3) end = run + 3;
    }
    return starts & ((UINT64_C(1) << (end - 2)) - 1) & ~UINT64_C(1);
}

INLINE size_t NAMED(fill_ends)(ChoroyPattern pattern, const uint8_t *text, size_t size, size_t *start,
    intptr_t *ends, size_t room)
{
    int keeps_lines = pattern != CHOROY_GPT2 && pattern != CHOROY_SMOLLM;
    size_t count = 0, place = *start;
    while (room - count >= 64 && size - place >= 64) {
        ChoroyByteClasses c;
        // Text is read in bursts, which the hardware's own prefetching takes for short ones.
        __builtin_prefetch(text + place + 1024);
        NAMED(byte_classes)(text + place, &c);
        uint64_t bits = NAMED(settled)(NAMED(starts)(pattern, &c, text + place), &c, keeps_lines);
        if (!bits) break;
        size_t many = (size_t)__builtin_popcountll(bits), first = place;
        // Known before the others, so that the next block need not wait for them.
        place += 63 - (size_t)__builtin_clzll(bits);
        // Eight at a time, of which the last may mean nothing: fewer branches that cannot be foreseen.
        for (size_t i = 0; i < many; i += 8)
            UNROLL for (size_t j = 0; j < 8; j++) {
                size_t end = first + (size_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
                // Vectors would be slower here.
                __asm__("" : "+r"(end));
                ends[count + i + j] = (intptr_t)end;
                bits &= bits - 1;
            }
        count += many;
    }
    *start = place;
    return count;
}

static size_t NAMED(piece_ends)(ChoroyPattern pattern, const uint8_t *text, size_t size, size_t *start,
    intptr_t *ends, size_t room)
{
    switch (pattern) {
    case CHOROY_GPT2: return NAMED(fill_ends)(CHOROY_GPT2, text, size, start, ends, room);
    case CHOROY_SMOLLM: return NAMED(fill_ends)(CHOROY_SMOLLM, text, size, start, ends, room);
    case CHOROY_LLAMA: return NAMED(fill_ends)(CHOROY_LLAMA, text, size, start, ends, room);
    case CHOROY_QWEN2: return NAMED(fill_ends)(CHOROY_QWEN2, text, size, start, ends, room);
    case CHOROY_O200K: return NAMED(fill_ends)(CHOROY_O200K, text, size, start, ends, room);
    }
    return 0;
}
