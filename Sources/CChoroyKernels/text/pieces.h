// The ids of pieces of text, from a table of pieces seen before.

// Appends the ids of a slot that are elsewhere; 0 when they are those of another piece.
static int NAMED(append_record)(const ChoroyPieceSlot *slot, const uint8_t *piece, size_t length, int32_t **target)
{
    const uint32_t *record;
    __builtin_memcpy(&record, slot->ids, sizeof record);
    const uint32_t count = record[0], bytes = record[1];
    const uint32_t *ids = record + 2;
    if (bytes != 0 && (bytes != length || __builtin_memcmp(ids + count, piece, length) != 0)) return 0;
    for (uint32_t i = 0; i < count; i += 4) __builtin_memcpy(*target + i, ids + i, 16);
    *target += count;
    return 1;
}

#if HAS_VNNI
// AVX-512: a masked load takes a piece and no byte behind it, and two rounds of AES mix all its bytes.

INLINE __m128i NAMED(piece_bytes)(const uint8_t *start, size_t length)
{
    __m128i bytes = _mm_maskz_loadu_epi8((__mmask16)((1u << length) - 1), start);
    return _mm_or_si128(bytes, _mm_set_epi64x((int64_t)((uint64_t)length << CHOROY_PIECE_LENGTH), 0));
}

INLINE ChoroyPieceSlot *NAMED(slot_of)(const ChoroyPieceTable *table, __m128i bytes)
{
    __m128i key = _mm_set_epi64x((int64_t)table->keys[1], (int64_t)table->keys[0]);
    __m128i mixed = _mm_aesenc_si128(_mm_aesenc_si128(_mm_xor_si128(bytes, key), key), key);
    return table->slots + ((uint64_t)_mm_cvtsi128_si64(mixed) >> table->shift);
}

// The key of a piece of more than 15 bytes.
static __m128i NAMED(hash)(const ChoroyPieceTable *table, const uint8_t *start, size_t length)
{
    const __m128i key = _mm_set_epi64x((int64_t)table->keys[1], (int64_t)table->keys[0]);
    __m128i mixed = _mm_xor_si128(key, _mm_set1_epi64x((int64_t)length));
    size_t i = 0;
    for (; i + 16 <= length; i += 16)
        mixed = _mm_aesenc_si128(_mm_xor_si128(mixed, _mm_loadu_si128((const __m128i *)(start + i))), key);
    __m128i rest = _mm_maskz_loadu_epi8((__mmask16)((1u << (length - i)) - 1), start + i);
    mixed = _mm_aesenc_si128(_mm_aesenc_si128(_mm_xor_si128(mixed, rest), key), key);
    const __m128i length_bits = _mm_set_epi64x((int64_t)(UINT64_MAX << CHOROY_PIECE_LENGTH | CHOROY_NO_PIECE), 0);
    return _mm_or_si128(_mm_andnot_si128(length_bits, mixed), _mm_set_epi64x(2, 0));
}

static ChoroyPieceSlot *NAMED(piece_slot)(const ChoroyPieceTable *table, uint64_t low, uint64_t high)
{
    return NAMED(slot_of)(table, _mm_set_epi64x((int64_t)high, (int64_t)low));
}

static void NAMED(piece_keys)(const uint8_t *text, size_t size, size_t start, const intptr_t *ends, size_t count,
    const ChoroyPieceTable *table, ChoroyPieceKey *keys)
{
    (void)size;
    const ChoroyPieceTable copy = *table;
    for (size_t i = 0; i < count; i++) {
        size_t end = (size_t)ends[i], length = end - start;
        __m128i bytes = _mm_set_epi64x(CHOROY_NO_PIECE, 0);
        if (__builtin_expect(length < 16, 1)) bytes = NAMED(piece_bytes)(text + start, length);
        else if (length <= CHOROY_LONGEST_PIECE) bytes = NAMED(hash)(&copy, text + start, length);
        ChoroyPieceSlot *slot = NAMED(slot_of)(&copy, bytes);
        __builtin_prefetch(slot);
        _mm_storeu_si128((__m128i *)&keys[i].low, bytes);
        keys[i].slot = slot;
        start = end;
    }
}

static size_t NAMED(piece_ids)(const uint8_t *text, size_t start, const intptr_t *ends, const ChoroyPieceKey *keys,
    size_t count, int32_t **ids)
{
    // The upper four bits are not of the key.
    const __m128i of_key = _mm_set_epi64x((int64_t)(UINT64_MAX >> 4), -1);
    int32_t *target = *ids;
    size_t i = 0;
    for (; i < count; i++) {
        const ChoroyPieceSlot *slot = keys[i].slot;
        __m128i key = _mm_loadu_si128((const __m128i *)&keys[i].low);
        if (!_mm_testz_si128(_mm_xor_si128(key, _mm_loadu_si128((const __m128i *)slot)), of_key)) {
            slot = choroy_other_slot(slot);
            if (!_mm_testz_si128(_mm_xor_si128(key, _mm_loadu_si128((const __m128i *)slot)), of_key)) break;
        }
        if (__builtin_expect(slot->high >> CHOROY_PIECE_ELSEWHERE, 0)) {
            size_t begin = i == 0 ? start : (size_t)ends[i - 1];
            if (!NAMED(append_record)(slot, text + begin, (size_t)ends[i] - begin, &target)) break;
            continue;
        }
        _mm_storeu_si128((__m128i *)target, _mm_loadu_si128((const __m128i *)slot->ids));
        target += (slot->high >> CHOROY_PIECE_COUNT) + 1;
    }
    *ids = target;
    return i;
}

#else

// The bytes of a piece of each length in the two words of a key.
static const uint64_t NAMED(piece_masks)[16][2] = {
#define LOW(n) ((UINT64_C(1) << (8 * (n))) - 1)
#define ALL UINT64_MAX
    { 0, 0 }, { LOW(1), 0 }, { LOW(2), 0 }, { LOW(3), 0 }, { LOW(4), 0 }, { LOW(5), 0 }, { LOW(6), 0 },
    { LOW(7), 0 }, { ALL, 0 }, { ALL, LOW(1) }, { ALL, LOW(2) }, { ALL, LOW(3) }, { ALL, LOW(4) },
    { ALL, LOW(5) }, { ALL, LOW(6) }, { ALL, LOW(7) },
#undef LOW
#undef ALL
};

INLINE uint64_t NAMED(fold)(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

// The key of a piece of more than 15 bytes: its words twice, the last ones up to its end.
static void NAMED(hash)(const ChoroyPieceTable *table, const uint8_t *start, size_t length, uint64_t *low,
    uint64_t *high)
{
    uint64_t a = table->keys[0] ^ length, b = table->keys[1], words[2];
    for (size_t i = 0; i < length; i += 16) {
        __builtin_memcpy(words, start + (i + 16 <= length ? i : length - 16), 16);
        a = NAMED(fold)(a ^ words[0], table->keys[1] ^ words[1]);
        b = NAMED(fold)(b ^ words[1], table->keys[0] ^ words[0]);
    }
    *low = a;
    *high = (b & ~(UINT64_MAX << CHOROY_PIECE_LENGTH | CHOROY_NO_PIECE)) | 2;
}

static ChoroyPieceSlot *NAMED(piece_slot)(const ChoroyPieceTable *table, uint64_t low, uint64_t high)
{
    unsigned __int128 product = (unsigned __int128)(low ^ table->keys[0]) * (high ^ table->keys[1]);
    return table->slots + (((uint64_t)(product >> 64) ^ (uint64_t)product) >> table->shift);
}

static void NAMED(piece_keys)(const uint8_t *text, size_t size, size_t start, const intptr_t *ends, size_t count,
    const ChoroyPieceTable *table, ChoroyPieceKey *keys)
{
    const ChoroyPieceTable copy = *table;
    for (size_t i = 0; i < count; i++) {
        size_t end = (size_t)ends[i], length = end - start;
        uint64_t low = 0, high = CHOROY_NO_PIECE;
        if (__builtin_expect(length < 16, 1)) {
            if (__builtin_expect(size - start >= 16, 1)) {
                __builtin_memcpy(&low, text + start, 8);
                __builtin_memcpy(&high, text + start + 8, 8);
            } else {
                high = 0;
                for (size_t j = 0; j < length; j++)
                    *(j < 8 ? &low : &high) |= (uint64_t)text[start + j] << 8 * (j % 8);
            }
            low &= NAMED(piece_masks)[length][0];
            high = (high & NAMED(piece_masks)[length][1]) | (uint64_t)length << CHOROY_PIECE_LENGTH;
        } else if (length <= CHOROY_LONGEST_PIECE) {
            NAMED(hash)(&copy, text + start, length, &low, &high);
        }
        ChoroyPieceSlot *slot = NAMED(piece_slot)(&copy, low, high);
        __builtin_prefetch(slot);
        keys[i] = (ChoroyPieceKey) { low, high, slot };
        start = end;
    }
}

static size_t NAMED(piece_ids)(const uint8_t *text, size_t start, const intptr_t *ends, const ChoroyPieceKey *keys,
    size_t count, int32_t **ids)
{
    int32_t *target = *ids;
    size_t i = 0;
    for (; i < count; i++) {
        const ChoroyPieceSlot *slot = keys[i].slot;
        uint64_t low = keys[i].low, high = keys[i].high;
        // The upper four bits are not of the key.
        if ((slot->low ^ low) | (slot->high ^ high) << 4) {
            slot = choroy_other_slot(slot);
            if ((slot->low ^ low) | (slot->high ^ high) << 4) break;
        }
        if (__builtin_expect(slot->high >> CHOROY_PIECE_ELSEWHERE, 0)) {
            size_t begin = i == 0 ? start : (size_t)ends[i - 1];
            if (!NAMED(append_record)(slot, text + begin, (size_t)ends[i] - begin, &target)) break;
            continue;
        }
        __builtin_memcpy(target, slot->ids, sizeof slot->ids);
        target += (slot->high >> CHOROY_PIECE_COUNT) + 1;
    }
    *ids = target;
    return i;
}

#endif
