// The ids of pieces of text, from a table of pieces seen before.

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
        ChoroyPieceSlot *slot = NAMED(slot_of)(&copy, bytes);
        __builtin_prefetch(slot);
        _mm_storeu_si128((__m128i *)&keys[i].low, bytes);
        keys[i].slot = slot;
        start = end;
    }
}

static size_t NAMED(piece_ids)(const ChoroyPieceKey *keys, size_t count, int32_t **ids)
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
        }
        ChoroyPieceSlot *slot = NAMED(piece_slot)(&copy, low, high);
        __builtin_prefetch(slot);
        keys[i] = (ChoroyPieceKey) { low, high, slot };
        start = end;
    }
}

static size_t NAMED(piece_ids)(const ChoroyPieceKey *keys, size_t count, int32_t **ids)
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
        __builtin_memcpy(target, slot->ids, sizeof slot->ids);
        target += (slot->high >> CHOROY_PIECE_COUNT) + 1;
    }
    *ids = target;
    return i;
}

#endif
